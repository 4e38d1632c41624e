import { fileURLToPath } from 'node:url';
import { serveLines, startLines } from '../child.mjs';
import { ggufOf } from '../gguf.mjs';

/** @import { Contender, Setting } from '../child.mjs' */

const FILE = fileURLToPath(import.meta.url);
/** In a variable, because it is there only after `npm install` in this folder. */
const LIBRARY = 'node-llama-cpp';
/** Tokens of a run at most, llama.cpp's own default. */
const BATCH = 512;

/**
 * llama.cpp within Node.js, the prebuilt library for CPUs: one context with a sequence for each user.
 * @param {Setting} setting
 * @returns {Contender}
 */
export function llamaCpp({ checkpoint, work, threads, longest, users }) {
  const sizes = [threads, longest, users].map(String);
  return {
    name: 'node-llama-cpp Q8_0',
    start: () => startLines([process.execPath, FILE, ggufOf(checkpoint, work), ...sizes], threads),
  };
}

async function serve() {
  const { getLlama } = await import(LIBRARY);
  const [modelPath, ...sizes] = process.argv.slice(2);
  const [threads = 1, contextSize = 512, sequences = 1] = sizes.map(Number);
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: threads });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ sequences, contextSize, batchSize: BATCH, threads });
  const rows = Array.from({ length: sequences }, () => context.getSequence());
  await serveLines(async (prompts, newTokens, onTokens) => {
    const run = async (/** @type {number[]} */ ids, /** @type {number} */ user) => {
      let left = newTokens;
      for await (const id of rows[user].evaluate(ids, { temperature: 0, yieldEogToken: true })) {
        onTokens(user, [id]);
        if (--left === 0) break;
      }
    };
    await Promise.all(prompts.map(run));
    await Promise.all(rows.map((row) => row.clearHistory()));
  });
}

if (process.argv[1] === FILE) await serve();
