import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkpointOf, readShape } from './checkpoint.mjs';
import { peakMiB } from './child.mjs';
import { llamaCpp } from './contenders/llama-cpp.mjs';
import { openVino } from './contenders/openvino.mjs';
import { sglangNode } from './contenders/sglang-node.mjs';
import { transformersJs } from './contenders/transformers-js.mjs';
import { tableOf } from './table.mjs';
import { casesOf, measure, promptsOf } from './workload.mjs';

/**
 * @import { Contender, Setting, Started } from './child.mjs'
 * @import { Missing, Result } from './table.mjs'
 */

const HELP = `Compares sglang-node with its peers on a CPU: node main.mjs --model-path <folder> [options]

  --model-path <folder>        checkpoint shaped as Llama or Qwen 2, or a folder with a config.json alone (random weights)
  --contenders <names>         of int8, float32, llama-cpp, openvino, transformers-js, transformers-js-float32 (default: all);
                               ratios are to the first
  --openvino-python <file>     Python that has openvino-genai and optimum-intel (default: python3)
  --openvino-model <dir>       exported already
  --transformers-python <file> Python that has optimum-onnx (default: python3)
  --transformers-model <dir>   exported already: config.json, onnx/model_quantized.onnx, onnx/model.onnx
  --work <folder>              where files made of the checkpoint are kept and found again
  --prompt-len <n>             tokens (default 256)
  --new-tokens <n>             tokens (default 160)
  --prefill-len <n>            tokens of the prompt that is computed alone (default 512)
  --users <list>               at once (default 1,4,8,16)
  --rounds <n>                 that count; one comes before (default 5)
  --threads <n>                of each contender, which are kept on as many cores (default 2)
  --json <file>                all rounds
`;

process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

const { values: options } = parseArgs({
  options: {
    'model-path': { type: 'string' },
    contenders: { type: 'string' },
    'openvino-python': { type: 'string', default: 'python3' },
    'openvino-model': { type: 'string' },
    'transformers-python': { type: 'string', default: 'python3' },
    'transformers-model': { type: 'string' },
    work: { type: 'string' },
    'prompt-len': { type: 'string', default: '256' },
    'new-tokens': { type: 'string', default: '160' },
    'prefill-len': { type: 'string', default: '512' },
    users: { type: 'string', default: '1,4,8,16' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
    json: { type: 'string' },
    help: { type: 'boolean' },
  },
});

/** Weights, inputs, keys and values in 8 bits, as OpenVINO has them by default. */
const INT8 = ['--quantization', 'w8a8_int8', '--kv-cache-dtype', 'int8'];

/** What a contender's name makes of the setting. */
const CONTENDERS = {
  int8: (/** @type {Setting} */ setting) => sglangNode(setting, 'int8', INT8),
  float32: (/** @type {Setting} */ setting) => sglangNode(setting, 'float32', []),
  'llama-cpp': llamaCpp,
  openvino: (/** @type {Setting} */ setting) =>
    openVino(setting, options['openvino-python'], options['openvino-model'] ?? null),
  'transformers-js': (/** @type {Setting} */ setting) => transformersIn('int8', setting),
  'transformers-js-float32': (/** @type {Setting} */ setting) => transformersIn('float32', setting),
};

const transformersIn = (/** @type {'int8' | 'float32'} */ precision, /** @type {Setting} */ setting) =>
  transformersJs(setting, precision, options['transformers-python'], options['transformers-model'] ?? null);

const NUMBERS = /** @type {const} */ (['prompt-len', 'new-tokens', 'prefill-len', 'rounds', 'threads']);

/**
 * @param {(typeof NUMBERS)[number] | 'users'} option
 * @throws Error when it holds anything but whole numbers of at least one
 */
function numbersOf(option) {
  const numbers = options[option].split(',').map(Number);
  if (numbers.every((number) => Number.isInteger(number) && number > 0)) return numbers;
  throw new Error(`--${option} ${options[option]}: whole numbers of at least 1 are needed`);
}

/**
 * A folder's name for what is made of a model, another one when its files change.
 * @param {string} model
 */
function keyOf(model) {
  const files = readdirSync(model).map((name) => [name, statSync(join(model, name)).mtimeMs]);
  const hash = createHash('sha256')
    .update(JSON.stringify([model, files]))
    .digest('hex');
  return `${basename(model)}-${hash.slice(0, 8)}`;
}

/**
 * Starts it twice: what is made of the checkpoint once and kept is not part of a start.
 * @param {Contender} contender
 */
async function start(contender) {
  process.stderr.write(`starting ${contender.name}\n`);
  await (await contender.start()).stop();
  const startedAt = performance.now();
  const started = await contender.start();
  /** @type {Result} */
  const result = {
    name: contender.name,
    startSeconds: (performance.now() - startedAt) / 1000,
    peakMiB: NaN,
    cases: {},
  };
  return { started, result };
}

async function main() {
  if (options.help || !options['model-path']) {
    process.stdout.write(HELP);
    process.exitCode = options.help ? 0 : 1;
    return;
  }
  const [promptLength = 0, newTokens = 0, prefill = 0, rounds = 0, threads = 0] = NUMBERS.flatMap(numbersOf);
  const model = resolve(options['model-path']);
  const work = join(options.work ?? join(tmpdir(), 'sglang-node-peers'), keyOf(model));
  mkdirSync(work, { recursive: true });
  const { folder: checkpoint, isRandom } = checkpointOf(model, work);
  const cases = casesOf(promptLength, newTokens, numbersOf('users'), prefill);
  /** @type {Setting} */
  const setting = {
    checkpoint,
    work,
    threads,
    longest: Math.max(...cases.map((one) => one.promptLength + one.newTokens)) + 8,
    users: Math.max(...cases.map(({ users }) => users)),
  };
  /** @type {Missing[]} */
  const missing = [];
  /** @type {{ started: Started, result: Result }[]} */
  const all = [];
  try {
    for (const name of options.contenders?.split(',') ?? Object.keys(CONTENDERS)) {
      const known = CONTENDERS[/** @type {keyof typeof CONTENDERS} */ (name)];
      if (known === undefined) throw new Error(`${name} is none of ${Object.keys(CONTENDERS).join(', ')}`);
      try {
        all.push(await start(known(setting)));
      } catch (error) {
        const lines = String(error).trim().split('\n');
        missing.push({ name, why: `${lines[0]} ${lines.length > 1 ? lines.at(-1) : ''}`.trim() });
      }
    }
    const { vocabulary } = readShape(checkpoint);
    for (let round = 0; round <= rounds; round++) {
      for (const [at, one] of cases.entries()) {
        const prompts = promptsOf(one, vocabulary, 1 + round * cases.length + at);
        for (const { started, result } of all) {
          const figures = await measure(started, prompts, one.newTokens);
          // In the first round buffers grow and kernels are chosen.
          if (round > 0) (result.cases[one.name] ??= []).push(figures);
        }
      }
      process.stderr.write(`round ${round} of ${rounds}\n`);
    }
    for (const { started, result } of all) result.peakMiB = peakMiB(started.pid);
  } finally {
    await Promise.all(all.map(({ started }) => started.stop()));
  }
  const named = `${basename(model)}${isRandom ? ' (random weights)' : ''}`;
  const report = { model: named, threads, rounds, results: all.map(({ result }) => result), missing };
  process.stdout.write(`${tableOf(report)}\n`);
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ ...report, cases }, null, 2)}\n`);
}

await main();
