import { join } from 'node:path';
import { Command, Option } from 'commander';
import { CpuBackend } from '../src/model-runner/backends/cpu/cpu-backend';
import type { HostKvType } from '../src/model-runner/backends/cpu/host-kv-store';
import { loadModel } from '../src/model-runner/load-model';
import { readModel } from '../src/models/registry';
import { ModelRunner } from '../src/model-runner/model-runner';
import { dummyWeights, openCheckpoint } from '../src/checkpoint/checkpoint';

/**
 * The model runner alone, without scheduler, sampler or HTTP: how fast prompts are computed and how fast batches decode.
 * Prints tables; `--json` prints one object instead.
 */
interface Options {
  readonly modelPath: string;
  readonly loadFormat: string;
  readonly quantization?: string;
  readonly kvCacheDtype: HostKvType;
  readonly cache?: string;
  readonly context: string;
  readonly batchSizes: string;
  readonly prefill: string;
  readonly steps: string;
  readonly capacity?: string;
  readonly json: boolean;
}

/** Tokens per second and median milliseconds of one measured case. */
interface Measurement {
  readonly name: string;
  readonly tokensPerSecond: number;
  readonly medianMs: number;
  readonly minMs: number;
}

/** Tokens of a prompt that are computed at a time where rows are filled. */
const PIECE = 256;

const SHAPES = join(__dirname, '..', '..', 'bench', 'shapes');

async function main(): Promise<void> {
  const options = new Command('bench:engine')
    .option(
      '--model-path <folder>',
      'checkpoint, or a folder with a config.json',
      join(SHAPES, 'qwen2.5-0.5b'),
    )
    .option('--load-format <format>', 'auto or dummy (random weights)', 'dummy')
    .option('--quantization <method>', 'w8a8_int8 or int4wo-128, say; float32 without it')
    .addOption(
      new Option('--kv-cache-dtype <type>', 'of keys and values')
        .choices(['float32', 'int8'])
        .default('float32'),
    )
    .option('--cache <folder>', 'where quantized weights are kept; nowhere without it')
    .option('--context <tokens>', 'tokens in each row when decoding', '256')
    .option('--batch-sizes <list>', 'decode batch sizes', '1,2,4,8,16')
    .option('--prefill <list>', 'prompt lengths', '16,128,512')
    .option('--capacity <tokens>', 'tokens a row can hold; defaults to what the cases need')
    .option('--steps <count>', 'decode steps measured for each batch size', '15')
    .option('--json', 'print JSON', false)
    .parse()
    .opts<Options>();
  const lengths = numbers(options.prefill);
  const sizes = numbers(options.batchSizes);
  const context = Number(options.context);
  const capacity =
    options.capacity === undefined ? Math.max(context, ...lengths) + 64 : Number(options.capacity);

  const model = readModel(options.modelPath, {}, 'generation', options.quantization);
  const weights = options.loadFormat === 'dummy' ? dummyWeights() : openCheckpoint(options.modelPath);
  const backend = new CpuBackend(undefined, undefined, options.kvCacheDtype);
  const loadedAt = performance.now();
  const session = await loadModel(model, weights, { capacity, tail: 'logits' }, backend, options.cache);
  weights.close();
  const loadMs = performance.now() - loadedAt;
  const runner = new ModelRunner(
    session,
    model.config,
    backend,
    backend.createKvStore(model.config, Math.max(...sizes), capacity, 1),
  );

  const results: Measurement[] = [];
  for (const length of lengths) results.push(await measurePrefill(runner, length));
  for (let row = 0; row < Math.max(...sizes); row++) await fill(runner, row, context);
  for (const size of sizes) results.push(await measureDecode(runner, size, context, Number(options.steps)));
  runner.dispose();
  session.dispose();
  if (options.json) console.log(JSON.stringify({ model: options.modelPath, loadMs, context, results }));
  else printTable(options.modelPath, loadMs, results);
}

async function measurePrefill(runner: ModelRunner, length: number): Promise<Measurement> {
  const ids = tokens(length);
  const run = () => runner.extend([{ row: 0, past: 0, ids, logitPositions: [length - 1] }]);
  const repeats = length > 200 ? 3 : 5;
  return summarize(`prefill ${length}`, length, await time(run, repeats));
}

/** Rows that hold nothing are one page of zeros, which attention reads from the nearest cache. */
async function fill(runner: ModelRunner, row: number, context: number): Promise<void> {
  for (let past = 0; past < context; past += PIECE) {
    const ids = tokens(Math.min(PIECE, context - past));
    await runner.extend([{ row, past, ids, logitPositions: [] }]);
  }
}

/** Tokens at random, of a small vocabulary as well. */
function tokens(count: number): Int32Array {
  return Int32Array.from({ length: count }, () => 5 + Math.floor(Math.random() * 500));
}

async function measureDecode(
  runner: ModelRunner,
  size: number,
  context: number,
  steps: number,
): Promise<Measurement> {
  const lengths = new Int32Array(size).fill(context);
  return summarize(
    `decode B=${size} context ${context}`,
    size,
    await time(() => runner.decode(tokens(size), lengths), steps),
  );
}

async function time(run: () => Promise<unknown>, repeats: number): Promise<number[]> {
  await run();
  const durations: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const startedAt = performance.now();
    await run();
    durations.push(performance.now() - startedAt);
  }
  return durations;
}

function summarize(name: string, tokens: number, durations: readonly number[]): Measurement {
  const sorted = [...durations].sort((a, b) => a - b);
  const medianMs = sorted[sorted.length >> 1] as number;
  return { name, tokensPerSecond: (tokens * 1000) / medianMs, medianMs, minMs: sorted[0] as number };
}

function printTable(model: string, loadMs: number, results: readonly Measurement[]): void {
  console.log(`${model}: loaded in ${(loadMs / 1000).toFixed(2)} s`);
  console.log(
    `${'case'.padEnd(28)}${'tok/s'.padStart(10)}${'median ms'.padStart(12)}${'min ms'.padStart(10)}`,
  );
  for (const { name, tokensPerSecond, medianMs, minMs } of results) {
    const columns = [
      tokensPerSecond.toFixed(1).padStart(10),
      medianMs.toFixed(2).padStart(12),
      minMs.toFixed(2).padStart(10),
    ];
    console.log(name.padEnd(28) + columns.join(''));
  }
}

function numbers(list: string): number[] {
  return list.split(',').map(Number);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
