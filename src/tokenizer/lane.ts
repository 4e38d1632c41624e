import { Worker } from 'node:worker_threads';
import { clientLeft, RequestError, type ErrorCode } from '../core/errors';
import { logger } from '../logging/logger';
import type { TokenizerTask } from './tokenizer-pool';

/** What a worker says of the task it was given. */
export type TokenizerAnswer =
  { readonly result: unknown } | { readonly error: string; readonly code: ErrorCode };

interface Job {
  readonly task: TokenizerTask;
  readonly amount: number;
  settle(outcome: { readonly value: unknown } | { readonly error: RequestError }): void;
}

/**
 * One thread with a tokenizer of its own, and the tasks that wait for it. The thread is started for the first task; it is ended
 * when the client of the running task leaves, because nothing else stops it, and by its own failure. Either costs one start.
 */
export class Lane {
  private readonly queue: Job[] = [];
  private worker: Worker | null = null;
  private running: Job | null = null;
  private closed = false;

  constructor(
    private readonly dir: string,
    private readonly workerFile: string,
  ) {}

  /** Characters and ids of the tasks that are not done. */
  get waiting(): number {
    return [...this.queue, ...(this.running ? [this.running] : [])].reduce(
      (sum, { amount }) => sum + amount,
      0,
    );
  }

  /** @throws RequestError when the client leaves or the thread fails */
  run(task: TokenizerTask, amount: number, gone: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const leave = () => this.drop(job);
      const job: Job = {
        task,
        amount,
        settle: (outcome) => {
          gone.removeEventListener('abort', leave);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.value);
        },
      };
      gone.addEventListener('abort', leave, { once: true });
      this.queue.push(job);
      if (gone.aborted) this.drop(job);
      this.next();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    const ended = this.worker?.terminate();
    for (const job of this.queue.splice(0)) this.refuse(job, 'The server is shutting down.');
    await ended;
  }

  private next(): void {
    if (this.running !== null || this.closed) return;
    const job = this.queue.shift();
    if (job === undefined) return;
    this.running = job;
    this.worker ??= this.start();
    this.worker.ref();
    this.worker.postMessage(job.task);
  }

  private start(): Worker {
    const worker = new Worker(this.workerFile, { workerData: { dir: this.dir } });
    worker.on('message', (answer: TokenizerAnswer) => {
      if (this.worker !== worker) return;
      const job = this.running;
      this.running = null;
      // An idle thread must not keep the process.
      worker.unref();
      if ('result' in answer) job?.settle({ value: answer.result });
      else job?.settle({ error: new RequestError(answer.code, answer.error) });
      this.next();
    });
    worker.on('error', (error) => logger.log('error', `A thread that tokenizes failed: ${error.message}`));
    worker.once('exit', () => {
      // One that was ended for its task is not this lane's any more.
      if (this.worker !== worker) return;
      this.worker = null;
      const job = this.running;
      this.running = null;
      if (job) this.refuse(job, 'The text could not be tokenized.');
      this.next();
    });
    return worker;
  }

  /** Its client has left. */
  private drop(job: Job): void {
    const at = this.queue.indexOf(job);
    if (at >= 0) this.queue.splice(at, 1);
    else if (this.running === job) {
      this.running = null;
      const worker = this.worker;
      this.worker = null;
      void worker?.terminate();
    }
    job.settle({ error: clientLeft() });
    this.next();
  }

  private refuse(job: Job, message: string): void {
    job.settle({ error: new RequestError(this.closed ? 'overloaded' : 'internal', message) });
  }
}
