import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { ortLibrary, type Pointer } from './library';

/** An event of Chrome's trace format, as far as it is changed here; times in microseconds. */
interface TraceEvent {
  readonly ts: number;
  readonly [field: string]: unknown;
}

/**
 * The operators of a session's runs, as ONNX Runtime times them. It writes a file for each run, with times from the start of
 * that run; they are put together when the profile ends, so that a run is held up by its own file only.
 */
export class RunProfile {
  /** When each run began, in milliseconds of `performance.now`. */
  private readonly startedAt: number[] = [];
  private count = 0;
  private running: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly scratch: string,
    private readonly maxRuns: number,
    private readonly onRun: (count: number) => void,
  ) {}

  /**
   * @param folder is there already; a scratch folder is made in it
   * @param maxRuns later runs are not recorded
   * @param onRun told of every run that has ended, with how many there were so far
   */
  static async start(folder: string, maxRuns: number, onRun: (count: number) => void): Promise<RunProfile> {
    await mkdir(folder, { recursive: true });
    return new RunProfile(await mkdtemp(join(folder, 'runs-')), maxRuns, onRun);
  }

  /** Does a run with the options given, and records it. */
  around(runOptions: Pointer, run: () => Promise<void>): Promise<void> {
    const recorded = this.record(runOptions, run);
    this.running = recorded.catch(() => undefined);
    return recorded;
  }

  /**
   * Writes all runs as one trace, which chrome://tracing and Perfetto open. No run may begin any more.
   * @param path of the file
   * @param name of this process in the trace
   */
  async write(path: string, name: string): Promise<void> {
    await this.running;
    const out = createWriteStream(path, { mode: 0o600 });
    // Waited for only after the last write: an error before must not be an unhandled one.
    const finished = once(out, 'finish');
    finished.catch(() => undefined);
    const { pid } = process;
    out.write('[\n' + JSON.stringify({ ph: 'M', name: 'process_name', pid, tid: 0, args: { name } }));
    const files = await readdir(this.scratch);
    for (const [index, startedAt] of this.startedAt.entries()) {
      const file = files.find((other) => other.startsWith(`${index}_`));
      const text = file === undefined ? '' : await readFile(join(this.scratch, file), 'utf8');
      // A run that failed leaves nothing, or an empty file.
      if (text === '') continue;
      const events = JSON.parse(text) as TraceEvent[];
      const base = (performance.timeOrigin + startedAt) * 1000;
      const lines = events.map((event) =>
        JSON.stringify({ ...event, ts: Math.round(base + event.ts), tid: 0 }),
      );
      if (!out.write(`,\n${lines.join(',\n')}`)) await Promise.race([once(out, 'drain'), finished]);
    }
    out.end('\n]\n');
    await finished;
  }

  /** Removes what it wrote on its way. */
  async dispose(): Promise<void> {
    await this.running;
    await rm(this.scratch, { recursive: true, force: true });
  }

  private async record(runOptions: Pointer, run: () => Promise<void>): Promise<void> {
    const isRecorded = this.startedAt.length < this.maxRuns;
    if (isRecorded) {
      const prefix = join(this.scratch, String(this.startedAt.length));
      ortLibrary().call('RunOptionsEnableProfiling', runOptions, prefix);
      this.startedAt.push(performance.now());
    }
    try {
      await run();
    } finally {
      if (isRecorded) ortLibrary().call('RunOptionsDisableProfiling', runOptions);
      this.count += 1;
      this.onRun(this.count);
    }
  }
}
