import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeLogFolder } from '../logging/log-target';
import type { RecordFields } from './request-record';

/** One request in a dump. Times in seconds since 1970. */
export interface RecordedRequest {
  readonly obj: RecordFields;
  /** What there was of its result; of an unfinished one, so far. */
  readonly out: RecordFields;
  readonly created_time: number;
  /** null for a request that was running. */
  readonly finish_time: number | null;
}

/** How long a finished request is kept, and how many at most. */
const KEPT_SECONDS = 300;
const MAX_KEPT = 10_000;

/** Keeps the requests of the last minutes, so that they can be looked at when the server has crashed over one of them. */
export class CrashRecorder {
  private kept: RecordedRequest[] = [];

  /**
   * @param folder `--crash-dump-folder`
   * @throws StartupError when it cannot be made
   */
  constructor(readonly folder: string) {
    makeLogFolder(folder);
  }

  add(request: RecordedRequest): void {
    this.kept.push(request);
    if (this.kept.length >= 2 * MAX_KEPT) this.prune();
  }

  /**
   * Writes the requests of the last minutes and those that are running, for nobody but the server's own user: they are
   * what people wrote.
   * @param about what else the dump says, such as the cause
   * @returns the file's path, `<folder>/<host>/crash_dump_<time>.json`
   */
  dump(running: readonly RecordedRequest[], about: RecordFields): string {
    this.prune();
    const folder = join(this.folder, hostname());
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const time = new Date().toISOString().slice(0, 19).replace('T', '_').replaceAll(':', '-');
    const path = join(folder, `crash_dump_${time}.json`);
    const text = JSON.stringify({ ...about, requests: [...this.kept, ...running] });
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  private prune(): void {
    const oldest = Date.now() / 1000 - KEPT_SECONDS;
    this.kept = this.kept.slice(-MAX_KEPT).filter(({ finish_time }) => (finish_time ?? 0) >= oldest);
  }
}
