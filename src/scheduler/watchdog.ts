import { logger } from '../logging/logger';

/**
 * Watches how long the batch in progress has taken. The soft limit only logs, once for each batch; the hard one ends the
 * process, and with it the server: a forward pass that never returns cannot be stopped in any other way.
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
  if (softSeconds !== null) logger.info('Watchdog Scheduler initialized.');
  const shortest = Math.min(hardSeconds, softSeconds ?? Infinity);
  let warned = false;
  const timer = setInterval(
    () => {
      const busySeconds = busyMs() / 1000;
      if (busySeconds > hardSeconds) {
        logger.error(`Scheduler watchdog timeout (self.watchdog_timeout=${hardSeconds}, self.soft=False)`);
        process.exit(1);
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
