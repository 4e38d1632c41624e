import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { Command } from 'commander';
import { dummyWeights, openCheckpoint, type WeightSource } from '../src/checkpoint/checkpoint';
import { logger } from '../src/logging/logger';
import type { Backend } from '../src/model-runner/backends/backend';
import { CpuBackend } from '../src/model-runner/backends/cpu/cpu-backend';
import { CudaBackend, openGpu, type Gpu } from '../src/model-runner/backends/cuda/cuda-backend';
import { WHOLE } from '../src/model-runner/backends/share';
import { bytesPerToken } from '../src/model-runner/kv-store';
import { loadModel } from '../src/model-runner/load-model';
import { ModelRunner } from '../src/model-runner/model-runner';
import { ANYTHING } from '../src/model-runner/top-rows';
import { readModel } from '../src/models/registry';
import { ELEMENT_BYTES } from '../src/onnxruntime/element-type';
import { median } from './in-turn';
import { StartedServer } from './started-server';

/**
 * One report of a GPU: prefill and decode with captured batch sizes and without, the share of the memory's bandwidth, what crosses between host and
 * device in a step, capture and start-up. `--device cpu` goes through the same, as a rehearsal. `bench/gpu.sh` prepares a machine.
 */
interface Options {
  readonly device: 'cuda' | 'cpu';
  readonly modelPath: string;
  readonly loadFormat: string;
  readonly dtype: 'auto' | 'half' | 'bfloat16';
  readonly users: string;
  readonly prefill: string;
  readonly context: string;
  readonly steps: string;
  readonly bandwidth?: string;
}

/** Bytes a second of the memory of GPUs, by what their names hold: what their makers state. */
const BANDWIDTHS: readonly (readonly [name: RegExp, gigabytes: number])[] = [
  [/B200/, 8000],
  [/H200/, 4800],
  [/H100.*PCIe/, 2000],
  [/H100/, 3350],
  [/A100.*80GB/, 2039],
  [/A100/, 1555],
  [/L40S/, 864],
  [/\bL4\b/, 300],
  [/RTX 4090/, 1008],
];

/** One mode: batch sizes captured, or not. */
interface Measured {
  readonly mode: string;
  readonly loadMs: number;
  readonly captureMs: number;
  readonly captureBytes: number;
  readonly prefill: readonly Case[];
  readonly decode: readonly Case[];
}

interface Case {
  /** Tokens of the prompt, or users. */
  readonly size: number;
  readonly ms: number;
  readonly tokensPerSecond: number;
  /** Bytes to the device and back in one run; null where nothing is copied. */
  readonly copied: readonly [up: number, down: number] | null;
}

/** Tokens of a page: the server's default on a GPU. */
const PAGE = 256;

const SHAPES = join(__dirname, '..', '..', 'bench', 'shapes');

async function main(): Promise<void> {
  const options = new Command('bench:gpu')
    .option('--device <device>', 'cuda, or cpu as a rehearsal', 'cuda')
    .option(
      '--model-path <folder>',
      'checkpoint, or a folder with a config.json',
      join(SHAPES, 'qwen2.5-0.5b'),
    )
    .option('--load-format <format>', 'auto or dummy (random weights)', 'dummy')
    .option('--dtype <type>', 'auto, half or bfloat16', 'bfloat16')
    .option('--users <list>', 'decode batch sizes', '1,8,32,128')
    .option('--prefill <list>', 'prompt lengths', '128,1024')
    .option('--context <tokens>', 'tokens in each row when decoding', '256')
    .option('--steps <count>', 'runs measured of each case', '50')
    .option('--bandwidth <GB/s>', 'of the memory; known for common GPUs')
    .parse()
    .opts<Options>();
  logger.level = 'error';
  const name = options.device === 'cuda' ? gpuName() : 'the CPU (a rehearsal: nothing here is about a GPU)';
  console.log(`On ${name}: ${options.modelPath}, ${options.loadFormat} weights, --dtype ${options.dtype}\n`);
  const gpu = options.device === 'cuda' ? openGpu(0) : null;
  const bytes = new Map<string, number>();
  const modes: Measured[] = [];
  for (const captured of gpu === null ? [true] : [true, false]) {
    modes.push(await measure(options, gpu, captured, bytes));
  }
  for (const mode of modes) print(mode);
  printBandwidth(
    options,
    name,
    modes,
    [...bytes.values()].reduce((sum, count) => sum + count, 0),
  );
  await printStartUp(options);
}

async function measure(
  options: Options,
  gpu: Gpu | null,
  captured: boolean,
  bytes: Map<string, number>,
): Promise<Measured> {
  const sizes = numbers(options.users);
  const prompts = numbers(options.prefill);
  const steps = Number(options.steps);
  const context = Number(options.context);
  const capacity = Math.max(context + 8, ...prompts) + 8;
  const model = readModel(options.modelPath, {}, 'generation', null);
  const cuda =
    gpu === null
      ? null
      : new CudaBackend(gpu, { memFractionStatic: 0.9, disableCudaGraph: !captured, pageSize: PAGE }, WHOLE);
  cuda?.prepareFor(model, options.dtype);
  const backend: Backend = cuda ?? new CpuBackend();
  const weights = options.loadFormat === 'dummy' ? dummyWeights() : openCheckpoint(options.modelPath);
  const startedAt = performance.now();
  const counted = counting(weights, bytes, ELEMENT_BYTES[backend.elementType]);
  const session = await loadModel(model, counted, { capacity: capacity + 2, tail: 'logits' }, backend);
  weights.close();
  const loadMs = performance.now() - startedAt;
  const rows = Math.max(...sizes);
  const room = Math.ceil(capacity / PAGE) * PAGE;
  const kv = backend.createKvStore(model.config, rows, capacity, cuda === null ? 1 : rows * room);
  for (let row = 0; row < rows; row++) {
    kv.pages?.place(
      row,
      0,
      Int32Array.from({ length: room }, (_, i) => row * room + i),
    );
  }
  const runner = new ModelRunner(session, model.config, backend, kv);

  const traffic = () => cuda && { ...cuda.traffic };
  const time = async (size: number, tokens: number, run: () => Promise<unknown>): Promise<Case> => {
    await run();
    const durations: number[] = [];
    let copied: Case['copied'] = null;
    for (let step = 0; step < steps; step++) {
      const before = traffic();
      const from = performance.now();
      await run();
      durations.push(performance.now() - from);
      const after = traffic();
      if (before && after) {
        copied = [after.uploadedBytes - before.uploadedBytes, after.downloadedBytes - before.downloadedBytes];
      }
    }
    const ms = median(durations);
    return { size, ms, tokensPerSecond: (tokens * 1000) / ms, copied };
  };

  const capturedAt = performance.now();
  const before = cuda?.memory.usedBytes() ?? 0;
  if (captured) for (const size of [...sizes].sort((a, b) => b - a)) await runner.capture(size);
  const captureMs = performance.now() - capturedAt;
  const captureBytes = (cuda?.memory.usedBytes() ?? 0) - before;
  const prefill: Case[] = [];
  for (const length of prompts) {
    const item = { row: 0, past: 0, ids: new Int32Array(length).fill(5), logitPositions: [length - 1] };
    prefill.push(await time(length, length, () => runner.extend([item], 'extend', ANYTHING)));
  }
  const decode: Case[] = [];
  for (const size of sizes) {
    const ids = new Int32Array(size).fill(5);
    const lengths = new Int32Array(size).fill(context);
    decode.push(await time(size, size, () => runner.decode(ids, lengths, ANYTHING)));
  }
  runner.dispose();
  session.dispose();
  const mode = captured ? 'batch sizes captured' : 'nothing captured';
  return { mode, loadMs, captureMs, captureBytes, prefill, decode };
}

/** Notes the bytes of each weight that a model asks for, in the type it computes in. */
function counting(source: WeightSource, bytes: Map<string, number>, elementBytes: number): WeightSource {
  return {
    files: source.files,
    get(name, shape) {
      bytes.set(
        name,
        shape.reduce((product, dim) => product * dim, elementBytes),
      );
      return source.get(name, shape);
    },
    close: () => source.close(),
  };
}

function print({ mode, loadMs, captureMs, captureBytes, prefill, decode }: Measured): void {
  console.log(`## ${mode}`);
  console.log(
    `loaded in ${seconds(loadMs)}; captured in ${seconds(captureMs)}, ${(captureBytes / 2 ** 20).toFixed(1)} MiB`,
  );
  const line = (columns: readonly string[]) =>
    console.log(columns.map((column) => column.padStart(16)).join(''));
  line(['', 'ms', 'tokens/s', 'bytes up', 'bytes down']);
  const rows = [
    ...prefill.map((one) => [`prefill ${one.size}`, one] as const),
    ...decode.map((one) => [`decode ${one.size}`, one] as const),
  ];
  for (const [name, { ms, tokensPerSecond, copied }] of rows) {
    line([name, ms.toFixed(3), tokensPerSecond.toFixed(0), ...(copied ?? ['-', '-']).map(String)]);
  }
  console.log('');
}

/** A step at batch 1 reads every weight once, and the keys and values of its row. */
function printBandwidth(
  options: Options,
  name: string,
  modes: readonly Measured[],
  weightBytes: number,
): void {
  const known = BANDWIDTHS.find(([pattern]) => pattern.test(name))?.[1];
  const bandwidth = options.bandwidth === undefined ? known : Number(options.bandwidth);
  const { config } = readModel(options.modelPath, {}, 'generation', null);
  const kvBytes = Number(options.context) * bytesPerToken(config, 'float16');
  for (const { mode, decode } of modes) {
    const one = decode.find(({ size }) => size === 1);
    if (one === undefined) continue;
    const rate = (weightBytes + kvBytes) / one.ms / 1e6;
    const share =
      bandwidth === undefined
        ? 'bandwidth not known: --bandwidth'
        : `${((100 * rate) / bandwidth).toFixed(0)} % of ${bandwidth} GB/s`;
    console.log(`batch 1, ${mode}: ${rate.toFixed(0)} GB/s read, ${share}`);
  }
}

async function printStartUp({ device, modelPath, loadFormat }: Options): Promise<void> {
  const startedAt = performance.now();
  const flags = [
    '--device',
    device,
    '--model-path',
    modelPath,
    '--load-format',
    loadFormat,
    '--skip-tokenizer-init',
  ];
  const server = await StartedServer.start([...flags, '--skip-server-warmup']);
  console.log(`\nserver ready in ${seconds(performance.now() - startedAt)}`);
  server.stop();
}

function gpuName(): string {
  const query = ['--id=0', '--query-gpu=name,driver_version', '--format=csv,noheader'];
  return execFileSync('nvidia-smi', query, { encoding: 'utf8' }).trim();
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function numbers(list: string): number[] {
  return list.split(',').map(Number);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
