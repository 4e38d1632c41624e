import { accessSync, constants, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { env } from '../core/env';
import { errorMessage, RequestError } from '../core/errors';
import type { ProfileControl, ProfileOptions } from '../http/app-deps';
import { logger } from '../logging/logger';
import { ProcessProfile, type ProfileOrder } from '../profiling/process-profile';

/** A child as it is profiled. */
export interface ProfiledChild {
  /** Unlike that of any other. */
  readonly name: string;
  startProfile(order: ProfileOrder, onOver: () => void): Promise<void>;
  stopProfile(): Promise<void>;
}

interface Run {
  readonly folder: string;
  readonly main: ProcessProfile;
  readonly timer: NodeJS.Timeout;
}

/** A profile that nobody ends would grow for ever. */
const LONGEST_MS = 600_000;

/** The profile of all processes of a server: one at a time, in a folder of its own. */
export class Profiler implements ProfileControl {
  private run: Run | null = null;
  /** Where the last one went, if it ended by itself. */
  private lastFolder: string | null = null;
  /** Calls are taken one after the other. */
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly children: readonly ProfiledChild[],
    private readonly longestMs = LONGEST_MS,
  ) {}

  start(options: ProfileOptions): Promise<void> {
    return this.inTurn(() => this.begin(options));
  }

  stop(): Promise<string> {
    return this.inTurn(async () => {
      if (this.run !== null) return this.end(this.run);
      const last =
        this.lastFolder === null ? '' : ` The last one has ended; its files are in ${this.lastFolder}.`;
      throw new RequestError('bad_value', `Profiling is not in progress. Call /start_profile first.${last}`);
    });
  }

  /** Ends the profile in progress, if there is one: the server is about to close. */
  async close(): Promise<void> {
    await this.inTurn(async () => {
      if (this.run !== null) await this.end(this.run);
    }).catch((error: unknown) => logger.error(`The profile could not be written: ${errorMessage(error)}`));
  }

  private async begin({ outputDir, prefix, steps }: ProfileOptions): Promise<void> {
    if (this.run !== null) {
      throw new RequestError('bad_value', 'Profiling is already in progress. Call /stop_profile first.');
    }
    const folder = makeFolder(resolve(outputDir ?? env('SGLANG_TORCH_PROFILER_DIR')), prefix);
    const onOver = () => this.endByItself(folder);
    const started = await Promise.allSettled([
      ...this.children.map((child) => child.startProfile({ folder, label: child.name, steps }, onOver)),
      ProcessProfile.start({ folder, label: 'main', steps: null }, null, onOver).then((main) => {
        const timer = setTimeout(onOver, this.longestMs);
        timer.unref();
        this.run = { folder, main, timer };
      }),
    ]);
    const failed = started.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) {
      if (this.run !== null) await this.end(this.run).catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
      throw new RequestError('internal', `Profiling could not be started: ${errorMessage(failed.reason)}`);
    }
    this.lastFolder = null;
    logger.info(`Profiling starts. Traces will be saved to: ${folder}`);
  }

  /** @returns the folder, once all files are written */
  private async end({ folder, main, timer }: Run): Promise<string> {
    this.run = null;
    clearTimeout(timer);
    logger.info('Stop profiling...');
    const stopped = await Promise.allSettled([
      main.stop(),
      ...this.children.map((child) => child.stopProfile()),
    ]);
    const failed = stopped.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) {
      throw new RequestError('internal', `The profile could not be written: ${errorMessage(failed.reason)}`);
    }
    logger.info(`Profiling done. Traces are saved to: ${folder}`);
    return folder;
  }

  /** The steps are done, or the time is up. */
  private endByItself(folder: string): void {
    const end = async () => {
      if (this.run?.folder !== folder) return;
      await this.end(this.run);
      this.lastFolder = folder;
    };
    this.inTurn(end).catch((error: unknown) => logger.error(errorMessage(error)));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.tail.then(work);
    this.tail = done.catch(() => undefined);
    return done;
  }
}

/** @throws RequestError `bad_value` when it cannot be made or written */
function makeFolder(parent: string, prefix: string | null): string {
  const time = new Date().toISOString().slice(0, 23).replace('T', '_').replaceAll(':', '-');
  const folder = join(parent, `${prefix ?? 'profile'}-${time}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
    return folder;
  } catch (error) {
    throw new RequestError('bad_value', `output_dir: ${errorMessage(error)}`, 'output_dir');
  }
}
