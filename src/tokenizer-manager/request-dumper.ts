import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '../core/errors';
import { logger } from '../logging/logger';
import type { RecordedRequest } from './crash-recorder';

/**
 * Writes requests that have ended to a folder, so many to a file: `<time>.json`, in the form of a crash dump, readable by the
 * server's own user only.
 */
export class RequestDumper {
  private kept: RecordedRequest[] = [];

  /**
   * @param folder is there already
   * @param threshold requests of one file
   */
  constructor(
    readonly folder: string,
    readonly threshold: number,
  ) {}

  add(request: RecordedRequest): void {
    this.kept.push(request);
    if (this.kept.length >= this.threshold) this.flush();
  }

  /** Writes what there is, if there is anything. A file that cannot be written is a line of the log. */
  flush(): void {
    const requests = this.kept;
    if (requests.length === 0) return;
    this.kept = [];
    const time = new Date().toISOString().slice(0, 23).replace('T', '_').replaceAll(':', '-');
    const path = join(this.folder, `${time}.json`);
    try {
      writeFileSync(path, JSON.stringify({ requests }), { mode: 0o600 });
      logger.info(`Dumped ${requests.length} requests to ${path}.`);
    } catch (error) {
      logger.error(`${requests.length} requests could not be dumped to ${path}: ${errorMessage(error)}`);
    }
  }
}
