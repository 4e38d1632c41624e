import { parentPort, workerData } from 'node:worker_threads';
import { errorMessage } from '../core/errors';
import type { Grammar } from '../core/grammar';
import type { ThreadReport, ThreadSetting } from './compile-thread';
import { XGrammarBackend, type EngineSetting } from './xgrammar-backend';
import { readVocabulary } from './vocabulary';

/** Main file of the thread that tries grammars: one at a time, one answer each. */
async function main({ tokenizerDir, vocabSize, eosTokenIds, style }: ThreadSetting): Promise<void> {
  const vocabulary = readVocabulary(tokenizerDir);
  const own = vocabulary.eosTokenId === null ? [] : [vocabulary.eosTokenId];
  const setting: EngineSetting = {
    vocabulary,
    vocabSize,
    eosTokenIds: [...new Set([...eosTokenIds, ...own])],
    style,
  };
  if (setting.eosTokenIds.length === 0) {
    throw new Error('this model has no token that ends a text');
  }
  let backend = await XGrammarBackend.create(setting);
  say({ type: 'ready', setting });
  parentPort?.on('message', (grammar: Grammar) => {
    void (async () => {
      const error = await attempt(backend, grammar);
      if (backend.isPoisoned) backend = await XGrammarBackend.create(setting);
      say({ type: 'done', error });
    })();
  });
}

/** @returns the reason why the grammar does not compile; null where it does */
async function attempt(backend: XGrammarBackend, grammar: Grammar): Promise<string | null> {
  try {
    (await backend.compile(grammar)).dispose();
    return null;
  } catch (error) {
    return errorMessage(error);
  }
}

function say(report: ThreadReport): void {
  parentPort?.postMessage(report);
}

main(workerData as ThreadSetting).catch((error: unknown) =>
  say({ type: 'failed', message: errorMessage(error) }),
);
