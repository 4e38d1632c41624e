import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertNever } from '../core/errors';
import type { ChildInit, ChildName, ChildOrder, ChildReport } from '../child/protocol';
import type { ProfileOrder } from '../profiling/process-profile';

/** How a process ended; both null when it could not be started. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

type FatalReport = Extract<ChildReport, { type: 'fatal' }>;
type ProfileReport = Extract<ChildReport, { type: 'profile' }>;
type ReadyReport = Extract<ChildReport, { type: `${string}_ready` }>;

/** Why a child is lost: what it said about it, or how it ended without a word. */
export type Loss = FatalReport | ({ readonly type: 'exit' } & Exit);

/** A forked child as the launcher sees it: what it reported, when it ended, and how to end it. */
export class ForkedChild {
  readonly pid: number | undefined;
  /** Resolves when the child is ready; stays pending when it never is. */
  readonly ready: Promise<ReadyReport>;
  /** Resolves when the child fails or ends, whichever is known first. */
  readonly lost: Promise<Loss>;
  /** Resolves once the process is gone and everything it said has been read. */
  readonly exited: Promise<Exit>;

  private readonly process: ChildProcess;
  private gone = false;
  private onSign: () => void = () => undefined;
  private onProfile: (report: ProfileReport) => void = () => undefined;
  private onProfileOver: () => void = () => undefined;

  /**
   * @param modulePath compiled main file of the child; it calls `runChild` and waits for `start`
   * @param rank among the schedulers, 0 for every other child
   * @param name what the operator reads: its kind, and its rank where there are several of it
   */
  constructor(
    readonly kind: ChildName,
    modulePath: string,
    readonly rank: number,
    readonly name: string,
  ) {
    const child = fork(modulePath, [], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.process = child;
    this.pid = child.pid;

    this.exited = new Promise((resolve) => {
      const end = (exit: Exit) => {
        this.gone = true;
        resolve(exit);
      };
      // 'close' and not 'exit': the last report may still be in the channel when the process is gone.
      child.once('close', (code, signal) => end({ code, signal }));
      child.on('error', () => {
        if (child.pid === undefined) end({ code: null, signal: null });
      });
    });

    let reportReady: (report: ReadyReport) => void;
    this.ready = new Promise((resolve) => (reportReady = resolve));
    this.lost = new Promise((resolve) => {
      child.on('message', (report: ChildReport) => {
        switch (report.type) {
          case 'fatal':
            return resolve(report);
          case 'alive':
            return this.onSign();
          case 'profile':
            return this.onProfile(report);
          case 'profile_over':
            return this.onProfileOver();
          case 'scheduler_ready':
          case 'detokenizer_ready':
            return reportReady(report);
          default:
            return assertNever(report);
        }
      });
      void this.exited.then((exit) => resolve({ type: 'exit', ...exit }));
    });
  }

  /** Tells the child what to work with. */
  start(init: ChildInit): void {
    this.order({ type: 'init', init, rank: this.rank });
  }

  /** Asks for a sign of life; `onSign` is called for each that comes from now on. */
  ask(onSign: () => void): void {
    this.onSign = onSign;
    this.order({ type: 'ask' });
  }

  /**
   * Has the child profile itself.
   * @param onOver called when the steps asked for are done
   * @throws Error when it cannot, or is lost
   */
  startProfile(order: ProfileOrder, onOver: () => void): Promise<void> {
    this.onProfileOver = onOver;
    return this.profile({ type: 'start_profile', order });
  }

  /** Ends the profile; its files are written then. @throws Error as `startProfile` */
  stopProfile(): Promise<void> {
    return this.profile({ type: 'stop_profile' });
  }

  /** Ends the process: asks, waits, kills. Resolves when it is gone. */
  async stop(graceMs: number): Promise<void> {
    if (this.gone) return;
    this.order({ type: 'shutdown' });
    const grace = new AbortController();
    const graceOver = sleep(graceMs, undefined, { signal: grace.signal }).catch(() => undefined);
    await Promise.race([this.exited, graceOver]);
    grace.abort();
    this.kill();
    await this.exited;
  }

  /** Kills the process at once; safe to call at any time. */
  kill(): void {
    if (!this.gone) this.process.kill('SIGKILL');
  }

  private async profile(order: ChildOrder): Promise<void> {
    const answered = new Promise<ProfileReport>((resolve) => (this.onProfile = resolve));
    this.order(order);
    const lost = this.lost.then(() => ({ error: `the ${this.name} has ended` }));
    const { error } = await Promise.race([answered, lost]);
    if (error !== null) throw new Error(error);
  }

  /** An order that cannot be delivered is dropped: the child has ended, and `exited` tells. */
  private order(order: ChildOrder): void {
    if (this.process.connected) this.process.send(order, () => undefined);
  }
}
