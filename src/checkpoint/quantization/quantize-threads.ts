import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Answer } from './quantize-worker';
import { runTask, type Task } from './task';

/** A task failed. */
export class TaskError extends Error {
  override readonly name = 'TaskError';

  constructor(
    message: string,
    /** Of the system's error, where it is one. */
    readonly code: string | undefined,
  ) {
    super(message);
  }
}

/** Threads that share a list of tasks. They live until `close`. */
export class QuantizeThreads {
  private readonly workers: Worker[] = [];

  /** @param count of threads, at most; with 0 the caller's own does everything */
  constructor(
    private readonly count: number,
    private readonly workerFile = path.join(__dirname, 'quantize-worker.js'),
  ) {}

  /**
   * Does all tasks, the first ones first.
   * @param onDone called after each
   * @returns their digests in the order of the tasks
   * @throws TaskError for the first that fails; those behind it are not begun
   */
  async run(tasks: readonly Task[], onDone: () => void = () => undefined): Promise<Uint8Array[]> {
    if (this.count === 0) return this.runHere(tasks, onDone);
    const digests: Uint8Array[] = [];
    let next = 0;
    const work = async (worker: Worker): Promise<void> => {
      for (let at = next++; at < tasks.length; at = next++) {
        try {
          digests[at] = await ask(worker, tasks[at] as Task);
        } catch (error) {
          next = tasks.length;
          throw error;
        }
        onDone();
      }
    };
    while (this.workers.length < Math.min(this.count, tasks.length))
      this.workers.push(new Worker(this.workerFile));
    const ended = await Promise.allSettled(this.workers.map(work));
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
    return digests;
  }

  private runHere(tasks: readonly Task[], onDone: () => void): Uint8Array[] {
    return tasks.map((task) => {
      const digest = runTask(task);
      onDone();
      return digest;
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, task: Task): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void) => {
      worker.off('message', onAnswer).off('error', onError).off('exit', onExit);
      settled();
    };
    const onAnswer = (answer: Answer) =>
      settle(() =>
        'digest' in answer ? resolve(answer.digest) : reject(new TaskError(answer.error, answer.code)),
      );
    const onError = (error: Error) => settle(() => reject(error));
    const onExit = () => settle(() => reject(new Error('a thread that quantizes has ended')));
    worker.once('message', onAnswer).once('error', onError).once('exit', onExit);
    worker.postMessage(task);
  });
}
