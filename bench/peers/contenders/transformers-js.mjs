import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveLines, startLines, writtenOnce } from '../child.mjs';

/** @import { Contender, Setting } from '../child.mjs' */

const FILE = fileURLToPath(import.meta.url);
const EXPORT = fileURLToPath(new URL('export-transformers-js.py', import.meta.url));
/** In a variable, so that it has no types: they allow neither streamers of several rows nor `null`. */
const LIBRARY = '@huggingface/transformers';
/** The library's names of precisions. */
const DTYPES = { int8: 'q8', float32: 'fp32' };

/**
 * transformers.js with its onnxruntime-node on the CPU: one `generate` over the prompts of all users.
 * @param {Setting} setting
 * @param {'int8' | 'float32'} precision
 * @param {string} python that has optimum-onnx
 * @param {string | null} exported folder of a model, for which Python is not needed
 * @returns {Contender}
 */
export function transformersJs({ checkpoint, work, threads }, precision, python, exported) {
  return {
    name: `transformers.js ${precision}`,
    async start() {
      const model =
        exported ?? (await writtenOnce(join(work, 'transformers-js'), [python, EXPORT, checkpoint]));
      const setup = [resolve(model), DTYPES[precision], String(threads)];
      return startLines([process.execPath, FILE, ...setup], threads);
    },
  };
}

async function serve() {
  const { AutoModelForCausalLM, Tensor, env } = await import(LIBRARY);
  const [folder, dtype, threads] = process.argv.slice(2);
  env.allowRemoteModels = false;
  const model = await AutoModelForCausalLM.from_pretrained(folder, {
    device: 'cpu',
    dtype,
    session_options: { intraOpNumThreads: Number(threads) },
  });
  await serveLines(async (prompts, newTokens, onTokens) => {
    // All prompts of a case have one length, so that they are a batch without padding.
    const shape = [prompts.length, prompts[0]?.length ?? 0];
    const ids = BigInt64Array.from(prompts.flat(), BigInt);
    let isPrompt = true;
    // The library's own streamers take one row.
    const streamer = {
      put(/** @type {bigint[][]} */ rows) {
        if (!isPrompt) rows.forEach((row, user) => onTokens(user, row.map(Number)));
        isPrompt = false;
      },
      end() {},
    };
    await model.generate({
      input_ids: new Tensor('int64', ids, shape),
      attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
      max_new_tokens: newTokens,
      do_sample: false,
      // What the model's folder may ask for otherwise.
      eos_token_id: null,
      repetition_penalty: 1,
      streamer,
    });
  });
}

if (process.argv[1] === FILE) await serve();
