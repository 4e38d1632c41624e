import { parentPort } from 'node:worker_threads';
import { errorMessage } from '../../core/errors';
import { runTask, type Task } from './task';

/** What a thread says of a task. */
export type Answer =
  | { readonly digest: Uint8Array }
  /** `code`: of the system's error, where it is one. */
  | { readonly error: string; readonly code: string | undefined };

/** Main file of a thread that quantizes: one task at a time, one answer each. */
parentPort?.on('message', (task: Task) => parentPort?.postMessage(answer(task)));

function answer(task: Task): Answer {
  try {
    return { digest: runTask(task) };
  } catch (error) {
    return { error: errorMessage(error), code: (error as NodeJS.ErrnoException).code };
  }
}
