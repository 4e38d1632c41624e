import { join } from 'node:path';
import { StartupError } from '../../src/core/errors';
import { CudaBackend, openGpu, type Gpu } from '../../src/model-runner/backends/cuda/cuda-backend';
import { WHOLE } from '../../src/model-runner/backends/share';
import { CpuBackend } from '../../src/model-runner/backends/cpu/cpu-backend';
import { PlayedCuda } from '../host-gpu';
import { vectorsOn } from './embedder';
import { Engine, SHIPPED, type Result } from './support';

/** The CUDA backend on a GPU that the CPU plays (see `HostStream`), and on a real one where there is one. */

const FOLDER = join(SHIPPED, 'demo-chat');
const FLAGS = ['--max-total-tokens', '3000', '--max-running-requests', '7', '--chunked-prefill-size', '32'];
const CAPTURED = ['--cuda-graph-bs', '1', '4', '7'];
const VOCAB = 400;
const PROMPTS = Array.from({ length: 9 }, (_, i) =>
  Array.from({ length: 3 + 9 * i }, (_, j) => 3 + (((i % 4) * 31 + j * 17 + (j > 20 ? i * 7 : 0)) % VOCAB)),
);

const ask = (engine: Engine, prompt: readonly number[], more = {}) =>
  engine.generate({
    prompt,
    sampling: { maxNewTokens: 12 },
    logprobs: { startLen: -1, topNum: 3, tokenIds: [5] },
    ...more,
  });

function furthest(a: Result, b: Result): number {
  const chosen = (result: Result) => result.outputLogprobs.map(({ token }) => token[0] ?? NaN);
  const other = chosen(b);
  return Math.max(...chosen(a).map((value, i) => Math.abs(value - (other[i] ?? NaN))));
}

const expectSame = (results: readonly Result[], expected: readonly Result[], tolerance: number) => {
  results.forEach((result, i) => {
    expect(result.ids).toEqual(expected[i]?.ids);
    expect(furthest(result, expected[i] as Result)).toBeLessThanOrEqual(tolerance);
  });
};

let alone: Result[];

beforeAll(async () => {
  const cpu = await Engine.start(FOLDER, FLAGS);
  alone = [];
  for (const prompt of PROMPTS) alone.push(await ask(cpu, prompt));
  await cpu.close();
});

it('holds a draft to more than rounding to 16 bits can change', async () => {
  for (const [backend, rounds] of [
    [new PlayedCuda('float32'), false],
    [new PlayedCuda(), true],
  ] as const) {
    const gpu = await Engine.start(FOLDER, ['--device', 'cuda', '--dtype', 'half', ...FLAGS], undefined, {
      backend,
    });
    expect(gpu.model.weights.roundsInputs).toBe(rounds);
    await gpu.close();
  }
});

it('draws of the front of a row what it draws of the row, and brings no rows for it', async () => {
  const backend = new PlayedCuda('float32');
  const gpu = await Engine.start(FOLDER, ['--device', 'cuda', '--dtype', 'half', ...FLAGS], undefined, {
    backend,
  });
  const cuts = [{}, { topK: 20 }, { topP: 0.8 }, { minP: 0.1, temperature: 0.7 }, { temperature: 0 }];
  const draw = () =>
    Promise.all(
      cuts.map((cut, i) =>
        ask(gpu, PROMPTS[i] as number[], {
          sampling: { maxNewTokens: 8, temperature: 1, seed: i, ...cut },
          logprobs: { startLen: -1, topNum: 3, tokenIds: null },
        }),
      ),
    );
  const { downloadedBytes: before } = backend.traffic;
  const fronts = await draw();
  const rowBytes = 4 * gpu.model.config.vocabSize;
  expect(backend.traffic.downloadedBytes - before).toBeLessThan((cuts.length * 8 * rowBytes) / 4);
  const shaped = { prompt: [9], sampling: { maxNewTokens: 20, frequencyPenalty: 1, temperature: 0 } };
  const [, rows] = await Promise.all([gpu.generate(shaped), draw()]);
  expectSame(fronts, rows, 1e-4);
  await gpu.close();
});

it.each(['bert', 'roberta', 'xlm-roberta-reranker', 'llama-reward', 'qwen3-classifier'])(
  'vectors and scores of %s are those of the CPU',
  async (name) => {
    const texts = [40, 3, 1].map((length) => ({
      ids: Int32Array.from({ length }, (_, i) => 5 + ((i * 7) % 90)),
      pairAt: null,
    }));
    const expected = await vectorsOn(new CpuBackend(), name, texts);
    const flags = ['--device', 'cuda', '--dtype', 'half'];
    const played = await vectorsOn(new PlayedCuda('float32'), name, texts, flags);
    expected.forEach((vector, i) =>
      vector?.forEach((value, at) => expect(Math.abs(value - (played[i]?.[at] ?? NaN))).toBeLessThan(1e-5)),
    );
  },
);

async function compare(backend: CudaBackend, dtype: string, tolerance: number): Promise<void> {
  const flags = ['--device', 'cuda', '--dtype', dtype, ...FLAGS, ...CAPTURED];
  const gpu = await Engine.start(FOLDER, flags, undefined, { backend });
  try {
    const single: Result[] = [];
    for (const prompt of PROMPTS) single.push(await ask(gpu, prompt));
    expectSame(single, alone, tolerance);
    const together = await Promise.all(PROMPTS.map((prompt) => ask(gpu, prompt)));
    expectSame(together, alone, tolerance);
    expect(together.some(({ cachedTokens }) => cachedTokens > 0)).toBe(true);
  } finally {
    await gpu.close();
  }
}

describe('gives what the CPU gives: alone, cached, in padded batches and in chunks', () => {
  it.each([
    ['in float32, where it is the same but for the order of sums', 'float32', 2e-5],
    ['in float16', null, 0.03],
  ] as const)('%s', (_, type, tolerance) => compare(new PlayedCuda(type), 'half', tolerance), 120_000);
});

describeOnGpu('gives on a GPU what the CPU gives', (gpu) => {
  it.each([
    ['half', false, 0.05],
    ['half', true, 0.05],
    ['bfloat16', false, 0.3],
  ] as const)(
    '--dtype %s, graphs off: %p',
    async (dtype, disableCudaGraph, tolerance) => {
      await compare(
        new CudaBackend(gpu, { memFractionStatic: 0.5, disableCudaGraph }, WHOLE),
        dtype,
        tolerance,
      );
    },
    120_000,
  );
});

/** `describe`, or a skipped one with a notice where no GPU can be used. */
function describeOnGpu(name: string, tests: (gpu: Gpu) => void): void {
  try {
    const gpu = openGpu(0);
    describe(name, () => tests(gpu));
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    process.stderr.write(`skipped: ${name} (${error.message})\n`);
    describe.skip(name, () => it('needs a GPU', () => undefined));
  }
}
