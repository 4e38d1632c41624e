import { CrashRecorder, type RecordedRequest } from './crash-recorder';
import { prepareFolders, type LoggingChange } from './logging-change';
import { RequestDumper } from './request-dumper';
import type { RequestLogger } from './request-logger';
import type { RecordFields } from './request-record';

/** Requests of one dump unless the operator says otherwise; SGLang's number. */
const DUMP_THRESHOLD = 1000;

/** Everything that is kept of requests when they have ended: for the dump of a crash, and for the operator's own dumps. */
export class RequestArchive {
  private crash: CrashRecorder | null;
  private dumper: RequestDumper | null = null;
  private dumpThreshold = DUMP_THRESHOLD;

  /** @throws StartupError when the folder cannot be made */
  constructor(
    crashDumpFolder: string | null,
    private readonly log: RequestLogger,
  ) {
    this.crash = crashDumpFolder === null ? null : new CrashRecorder(crashDumpFolder);
  }

  /**
   * Changes what is logged and kept from now on; all of it, or nothing.
   * @throws RequestError `bad_value` naming a folder that cannot be written
   */
  configure(change: LoggingChange): void {
    prepareFolders(change);
    this.log.configure(change);
    if (change.crashDumpFolder !== null) this.crash = this.crashInto(change.crashDumpFolder);
    this.dumpThreshold = change.dumpRequestsThreshold ?? this.dumpThreshold;
    const folder = change.dumpRequestsFolder ?? this.dumper?.folder ?? '';
    if (folder === this.dumper?.folder && this.dumpThreshold === this.dumper.threshold) return;
    this.dumper?.flush();
    this.dumper = folder === '' ? null : new RequestDumper(folder, this.dumpThreshold);
  }

  /** @param request made only where it is kept */
  add(request: () => RecordedRequest): void {
    if (this.crash === null && this.dumper === null) return;
    const made = request();
    this.crash?.add(made);
    this.dumper?.add(made);
  }

  /** See `CrashRecorder.dump`. @returns null when no folder was named */
  dumpCrash(running: readonly RecordedRequest[], about: RecordFields): string | null {
    return this.crash?.dump(running, about) ?? null;
  }

  /** Writes what would still wait for a full dump. */
  close(): void {
    this.dumper?.flush();
  }

  /** The same folder goes on with what is kept. */
  private crashInto(folder: string): CrashRecorder | null {
    if (folder === '') return null;
    return this.crash?.folder === folder ? this.crash : new CrashRecorder(folder);
  }
}
