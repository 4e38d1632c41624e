import { logger } from '../logging/logger';

/**
 * Logs when the event loop of this process made no progress for `timeoutSeconds`. It changes nothing else.
 * The report comes when the loop moves again: whoever is stuck for good is found by the health check.
 */
export class SoftWatchdog {
  private readonly timer: NodeJS.Timeout;
  private lastTick = performance.now();

  /** @param name of the component in the log */
  constructor(name: string, timeoutSeconds: number) {
    const period = (timeoutSeconds * 1000) / 2;
    this.timer = setInterval(() => {
      const now = performance.now();
      const stuckMs = now - this.lastTick - period;
      this.lastTick = now;
      if (stuckMs >= timeoutSeconds * 1000) {
        logger.log(
          'error',
          `${name} watchdog timeout (self.watchdog_timeout=${timeoutSeconds}, self.soft=True)`,
        );
      }
    }, period);
    this.timer.unref();
    logger.log('info', `Watchdog ${name} initialized.`);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
