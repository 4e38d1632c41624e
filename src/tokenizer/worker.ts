import { parentPort, workerData } from 'node:worker_threads';
import { assertNever, errorMessage, RequestError } from '../core/errors';
import type { TokenizerAnswer } from './lane';
import { loadTokenizer, type Tokenizer } from './tokenizer';
import type { TokenizerTask } from './tokenizer-pool';

/** Main file of a thread that tokenizes: one task at a time, one answer each. */
const tokenizer = loadTokenizer((workerData as { dir: string }).dir);

parentPort?.on('message', (task: TokenizerTask) => {
  void answer(task).then((result) => parentPort?.postMessage(result));
});

async function answer(task: TokenizerTask): Promise<TokenizerAnswer> {
  try {
    return { result: run(await tokenizer, task) };
  } catch (error) {
    const code = error instanceof RequestError ? error.code : 'internal';
    return { error: errorMessage(error), code };
  }
}

function run(loaded: Tokenizer, task: TokenizerTask): unknown {
  switch (task.kind) {
    case 'encode':
      return loaded.encode(task.text, task.options);
    case 'encode_pair':
      return loaded.encodePair(task.text, task.pair);
    case 'decode':
      return loaded.decode(task.ids, task.options);
    case 'render':
      return loaded.renderChat(task.template, task.variables);
    default:
      return assertNever(task);
  }
}
