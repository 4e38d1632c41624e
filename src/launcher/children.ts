import { join } from 'node:path';
import { StartupError, bug } from '../core/errors';
import { factsInCommon, type ModelFacts } from '../core/model-facts';
import { createEndpoints, removeEndpoints } from '../ipc/endpoints';
import { ForkedChild, type Loss } from './forked-child';
import { watchLiveness } from './liveness';
import type { ChildInit, ChildName } from '../child/protocol';
import type { ProfiledChild } from './profiler';

/** A child ended although nobody told it to. Printed as one line: the child has logged why, if it could. */
export class ChildDiedError extends Error {
  override readonly name = 'ChildDiedError';
}

/** Main files of the children. */
export type ChildModules = Readonly<Record<ChildName, string>>;

const MODULES: ChildModules = {
  scheduler: join(__dirname, '../scheduler/process.js'),
  detokenizer: join(__dirname, '../detokenizer/process.js'),
};

/** What the operator reads when a child dies before it was ready. */
function launchNotice({ kind, rank }: ForkedChild): string {
  const who = kind === 'scheduler' ? `Rank ${rank} scheduler` : 'The detokenizer';
  return `${who} is dead. Please check if there are relevant logs.`;
}

/**
 * Owns the children and the directory of their sockets, from construction until `stop` has resolved. When this process
 * ends in any other way that runs its exit handlers, both go with it; when it is killed, the children clean up.
 */
export class Children {
  /** What every process works with. */
  readonly init: ChildInit;
  /**
   * Rejects when a child ends that should not: with StartupError and the child's own words when the operator can mend
   * the cause, else with ChildDiedError. Never resolves.
   */
  readonly failure: Promise<never>;

  /** By rank. */
  private readonly schedulers: readonly ForkedChild[];
  private readonly detokenizer: ForkedChild;
  private stopWatching: () => void = () => undefined;
  private isReady = false;
  private stopping = false;

  /** Starts the children: as many schedulers as `--dp-size` says, and a detokenizer. */
  constructor(init: Omit<ChildInit, 'endpoints'>, modules: ChildModules = MODULES) {
    const { dpSize } = init.args;
    this.schedulers = Array.from({ length: dpSize }, (_, rank) => {
      const name = dpSize > 1 ? `scheduler_DP${rank}` : 'scheduler';
      return new ForkedChild('scheduler', modules.scheduler, rank, name);
    });
    this.detokenizer = new ForkedChild('detokenizer', modules.detokenizer, 0, 'detokenizer');
    // Made only now, and told at once: should this process be killed, there is a child that knows what to remove.
    this.init = { ...init, endpoints: createEndpoints(dpSize) };
    process.once('exit', this.abandon);
    for (const child of this.children) child.start(this.init);
    this.failure = new Promise((_, reject) => {
      for (const child of this.children) {
        void child.lost.then((loss) => {
          if (!this.stopping) reject(this.failureOf(child, loss));
        });
      }
      const limit = init.args.watchdogTimeout;
      this.stopWatching = watchLiveness(this.children, limit * 1000, ({ name, pid }) =>
        reject(
          new ChildDiedError(
            `The ${name} process (pid ${pid}) has given no sign of life for ${limit} s: it is stopped or stuck. ` +
              'Shutting the server down.',
          ),
        ),
      );
    });
    this.failure.catch(() => undefined);
  }

  /** Resolves when all children are ready; rejects as `failure` does. */
  async ready(): Promise<ModelFacts> {
    const all = Promise.all([...this.schedulers, this.detokenizer].map(({ ready }) => ready));
    const reports = await Promise.race([all, this.failure]);
    const facts = reports.flatMap((report) => (report.type === 'scheduler_ready' ? [report.facts] : []));
    if (facts.length !== this.schedulers.length) throw bug('A scheduler reported what is not its own');
    this.isReady = true;
    return factsInCommon(facts);
  }

  /** The children, as those that can be profiled. */
  get profiled(): readonly ProfiledChild[] {
    return this.children;
  }

  /** Process ids of the children that could be started, by their names. */
  get pids(): Readonly<Record<string, number | undefined>> {
    return Object.fromEntries(this.children.map(({ name, pid }) => [name, pid]));
  }

  /**
   * Ends the children and removes the directory of their sockets. Resolves when nothing is left; may be called again,
   * also with a shorter grace while an earlier call waits.
   * @param graceMs how long the children may take to close before they are killed
   */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    this.stopWatching();
    await Promise.all(this.children.map((child) => child.stop(graceMs)));
    removeEndpoints(this.init.endpoints);
    process.off('exit', this.abandon);
  }

  private get children(): readonly ForkedChild[] {
    return [...this.schedulers, this.detokenizer];
  }

  private failureOf(child: ForkedChild, loss: Loss): Error {
    if (loss.type === 'fatal' && loss.expected) return new StartupError(loss.message);
    const how = `(pid ${child.pid}, ${describe(loss)})`;
    return new ChildDiedError(
      this.isReady
        ? `The ${child.name} process ended unexpectedly ${how}. Shutting the server down.`
        : `${launchNotice(child)} ${how}`,
    );
  }

  private readonly abandon = (): void => {
    for (const child of this.children) child.kill();
    removeEndpoints(this.init.endpoints);
  };
}

function describe(loss: Loss): string {
  if (loss.type === 'fatal') return loss.message;
  if (loss.signal === 'SIGKILL') return 'signal SIGKILL, often for lack of memory';
  if (loss.signal !== null) return `signal ${loss.signal}`;
  return loss.code === null ? 'it could not be started' : `exit code ${loss.code}`;
}
