import { parentPort, workerData } from 'node:worker_threads';
import { errorMessage } from '../core/errors';
import type { TokenizerAnswer } from './lane';
import { loadTokenizer } from './tokenizer';
import type { TokenizerTask } from './tokenizer-pool';

/** Main file of a thread that tokenizes: one task at a time, one answer each. */
const tokenizer = loadTokenizer((workerData as { dir: string }).dir);

parentPort?.on('message', (task: TokenizerTask) => {
  void answer(task).then((result) => parentPort?.postMessage(result));
});

async function answer(task: TokenizerTask): Promise<TokenizerAnswer> {
  try {
    const loaded = await tokenizer;
    const result =
      task.kind === 'encode' ? loaded.encode(task.text, task.options) : loaded.decode(task.ids, task.options);
    return { result };
  } catch (error) {
    return { error: errorMessage(error) };
  }
}
