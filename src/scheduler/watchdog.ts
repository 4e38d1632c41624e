import { logger } from '../logging/logger';

/**
 * Watches how long the batch in progress has taken. The soft limit only logs, once for each batch; the hard one throws
 * out of its timer: the launcher hears of it and kills the process, because one with a native call in progress can neither
 * stop that nor exit.
 * @param busyMs milliseconds the batch in progress has taken, 0 when none is
 * @param hardSeconds of --watchdog-timeout
 * @param softSeconds of --soft-watchdog-timeout; null is off
 * @returns stops the watch
 */
export function startWatchdog(
  busyMs: () => number,
  hardSeconds: number,
  softSeconds: number | null,
): () => void {
  const shortest = Math.min(hardSeconds, softSeconds ?? Infinity);
  let warned = false;
  const timer = setInterval(
    () => {
      const busySeconds = busyMs() / 1000;
      if (busySeconds > hardSeconds) {
        throw new Error(`Scheduler watchdog timeout (self.watchdog_timeout=${hardSeconds}, self.soft=False)`);
      }
      if (softSeconds === null || busySeconds <= softSeconds) {
        warned = false;
      } else if (!warned) {
        warned = true;
        logger.error(`Scheduler watchdog timeout (self.watchdog_timeout=${softSeconds}, self.soft=True)`);
      }
    },
    Math.min(1000, (shortest * 1000) / 2),
  );
  timer.unref();
  return () => clearInterval(timer);
}
