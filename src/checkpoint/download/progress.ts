import { logger } from '../../logging/logger';

/** Time to the first line, in milliseconds; each one after it takes twice as long, up to the longest. */
const FIRST_MS = 1_000;
const LONGEST_MS = 10_000;
const UNITS = ['kB', 'MB', 'GB', 'TB'] as const;

/** Lines in the log on how far a download is. */
export class DownloadProgress {
  private done = 0;
  private total = 0;
  private timer: NodeJS.Timeout;

  constructor(private readonly name: string) {
    this.timer = this.reportAfter(FIRST_MS);
  }

  /** Bytes that are wanted, in addition to those before. */
  expect(bytes: number): void {
    this.total += bytes;
  }

  /** Bytes that came, or that were thrown away. */
  add(bytes: number): void {
    this.done = Math.max(this.done + bytes, 0);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private reportAfter(waitMs: number): NodeJS.Timeout {
    const before = this.done;
    return setTimeout(() => {
      this.report(Math.max(this.done - before, 0) / (waitMs / 1000));
      this.timer = this.reportAfter(Math.min(waitMs * 2, LONGEST_MS));
    }, waitMs).unref();
  }

  /** @param rate bytes a second since the line before */
  private report(rate: number): void {
    const share =
      this.total > 0 ? ` of ${bytesText(this.total)} (${Math.floor((100 * this.done) / this.total)}%)` : '';
    logger.log('info', `Downloading ${this.name}: ${bytesText(this.done)}${share}, ${bytesText(rate)}/s`);
  }
}

/** `988.1 MB`, say, with units of a thousand as download pages have them. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const larger of UNITS) {
    if (value < 1000) break;
    value /= 1000;
    unit = larger;
  }
  return `${unit === 'B' ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
}
