import { logger } from '../../logging/logger';

const EVERY_MS = 5_000;
const UNITS = ['kB', 'MB', 'GB', 'TB'] as const;

/** Lines in the log on how far a download is. */
export class DownloadProgress {
  private done = 0;
  private total = 0;
  private doneBefore = 0;
  private timer: NodeJS.Timeout;

  constructor(private readonly name: string) {
    this.timer = setInterval(() => this.report(), EVERY_MS);
    this.timer.unref();
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
    clearInterval(this.timer);
  }

  private report(): void {
    const rate = Math.max(this.done - this.doneBefore, 0) / (EVERY_MS / 1000);
    this.doneBefore = this.done;
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
