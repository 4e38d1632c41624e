import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { bug, RequestError } from '../core/errors';
import type { Grammar } from '../core/grammar';
import { GrammarError, type JsonStyle } from './grammar-backend';
import type { EngineSetting } from './xgrammar-backend';

/** What the thread makes its engine of. */
export interface ThreadSetting {
  /** Folder of tokenizer.json. */
  readonly tokenizerDir: string;
  readonly vocabSize: number;
  /** End-of-sequence tokens of the model; the tokenizer's own is added to them. */
  readonly eosTokenIds: readonly number[];
  readonly style: JsonStyle;
}

/** From the thread: what its engine was made of, once; then for each grammar why it does not compile, or null. */
export type ThreadReport =
  | { readonly type: 'ready'; readonly setting: EngineSetting }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'done'; readonly error: string | null };

/** A grammar took too long to compile. */
export class GrammarTimeout extends GrammarError {}

/** Engine and vocabulary of the thread may take this long to load. */
const LOAD_MS = 120_000;

/**
 * Tries grammars on a thread of its own, one after the other: what takes too long or breaks the engine takes nothing else with
 * it. The thread is started for the first grammar, and again after one that it did not survive.
 */
export class CompileThread {
  private worker: Worker | null = null;
  private last: Promise<unknown> = Promise.resolve();
  private isClosed = false;
  /** What the running thread's engine is made of. */
  private setup: EngineSetting | null = null;
  /** Takes the thread's next word, or its failure. */
  private hear: ((word: ThreadReport | Error) => void) | null = null;

  /** @param timeoutMs for one grammar, without the start of the thread */
  constructor(
    private readonly setting: ThreadSetting,
    private readonly timeoutMs: number,
    private readonly workerFile = join(__dirname, 'compile-worker.js'),
  ) {}

  /**
   * @param wanted asked when its turn comes: what nobody waits for any more is not tried
   * @returns what an engine that compiles it is made of
   * @throws GrammarError with the reason why it does not compile, GrammarTimeout, or Error when the thread cannot work
   */
  attempt(grammar: Grammar, wanted: () => boolean): Promise<EngineSetting> {
    const turn = this.last.then(() => {
      if (!wanted()) throw new GrammarError('nobody waits for it');
      return this.run(grammar);
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.worker?.terminate();
  }

  private async run(grammar: Grammar): Promise<EngineSetting> {
    if (this.isClosed) throw new Error('The server is shutting down.');
    const { worker, setting } = await this.start();
    const answer = this.next(this.timeoutMs);
    worker.postMessage(grammar);
    const report = await answer;
    if (report.type !== 'done') throw bug(`a thread that answers a grammar with ${report.type}`);
    if (report.error !== null) throw new GrammarError(report.error);
    return setting;
  }

  private async start(): Promise<{ worker: Worker; setting: EngineSetting }> {
    if (this.worker !== null && this.setup !== null) return { worker: this.worker, setting: this.setup };
    const worker = new Worker(this.workerFile, { workerData: this.setting });
    // It must not keep a process that has nothing else to do.
    worker.unref();
    this.worker = worker;
    const hear = (word: ThreadReport | Error) => {
      if (this.worker === worker) this.hear?.(word);
    };
    worker.on('message', (report: ThreadReport) => hear(report));
    worker.on('error', (error) => hear(new GrammarError(`the engine failed (${error.message})`)));
    worker.on('exit', () => hear(new GrammarError('the engine failed')));
    const report = await this.next(LOAD_MS);
    if (report.type === 'done') throw bug('a thread that answers before it is asked');
    if (report.type === 'failed') {
      this.drop();
      throw new RequestError(
        'not_available',
        `Grammars are not available for this model: ${report.message}.`,
      );
    }
    this.setup = report.setting;
    return { worker, setting: report.setting };
  }

  /** The thread's next word. One that says nothing in time, or fails, is dropped. */
  private next(timeoutMs: number): Promise<ThreadReport> {
    return new Promise((resolve, reject) => {
      const hear = (word: ThreadReport | Error) => {
        clearTimeout(timer);
        this.hear = null;
        if (!(word instanceof Error)) return resolve(word);
        this.drop();
        reject(word);
      };
      const timer = setTimeout(
        () => hear(new GrammarTimeout(`it takes longer than ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      this.hear = hear;
    });
  }

  private drop(): void {
    void this.worker?.terminate();
    this.worker = null;
    this.setup = null;
  }
}
