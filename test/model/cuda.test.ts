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
const FLAGS = ['--max-total-tokens', '8192', '--max-running-requests', '7'];
const CAPTURED = ['--cuda-graph-bs', '1', '4', '7'];
const VOCAB = 400;
/** Of 3 to 531 tokens; of the longer ones every fourth begins with the same 300. */
const PROMPTS = Array.from({ length: 9 }, (_, i) =>
  Array.from(
    { length: 3 + 66 * i },
    (_, j) => 3 + (((i % 4) * 31 + j * 17 + (j >= 300 ? i * 7 : 0)) % VOCAB),
  ),
);

const ask = (engine: Engine, prompt: readonly number[], more = {}) =>
  engine.generate({
    prompt,
    sampling: { maxNewTokens: 12 },
    logprobs: { startLen: -1, topNum: 3, tokenIds: [5] },
    ...more,
  });

const logprob = ({ outputLogprobs }: Result, at: number) => outputLogprobs[at]?.token[0] ?? NaN;

/** The same tokens with nearly the same log-probabilities, up to the first where the likeliest two are too close to tell apart. */
function expectSame(results: readonly Result[], expected: readonly Result[], tolerance: number): void {
  results.forEach((result, i) => {
    const other = expected[i] as Result;
    const differs = other.ids.findIndex((id, at) => id !== result.ids[at]);
    const end = differs === -1 ? other.ids.length : differs;
    if (differs === -1) expect(result.ids).toEqual(other.ids);
    else expect(lead(other, differs)).toBeLessThanOrEqual(2 * tolerance);
    for (let at = 0; at < end; at++) {
      expect(Math.abs(logprob(result, at) - logprob(other, at))).toBeLessThanOrEqual(tolerance);
    }
  });
}

/** By how much the likeliest token is likelier than the next one. */
function lead({ outputLogprobs }: Result, at: number): number {
  const [first, second] = outputLogprobs[at]?.top ?? [];
  return (first?.[0] ?? NaN) - (second?.[0] ?? NaN);
}

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
    const gpu = await Engine.start(FOLDER, flagsOf('half', 256), undefined, { backend });
    expect(gpu.model.weights.roundsInputs).toBe(rounds);
    await gpu.close();
  }
});

it('draws of the front of a row what it draws of the row, and brings no rows for it', async () => {
  const backend = new PlayedCuda('float32');
  const gpu = await Engine.start(FOLDER, flagsOf('half', 256), undefined, { backend });
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

function flagsOf(dtype: string, pageSize: number): string[] {
  const pages = ['--page-size', String(pageSize), '--chunked-prefill-size', String(Math.max(pageSize, 32))];
  return ['--device', 'cuda', '--dtype', dtype, ...pages, ...FLAGS, ...CAPTURED];
}

async function compare(
  backend: CudaBackend,
  dtype: string,
  pageSize: number,
  tolerance: number,
): Promise<void> {
  const gpu = await Engine.start(FOLDER, flagsOf(dtype, pageSize), undefined, { backend });
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
    ['in float32, where it is the same but for the order of sums', 'float32', 16, 1e-4],
    ['in float16', null, 256, 0.08],
  ] as const)(
    '%s',
    async (_, type, pageSize, tolerance) => {
      const args = { memFractionStatic: 0.8, disableCudaGraph: false, pageSize };
      await compare(new PlayedCuda(type, args), 'half', pageSize, tolerance);
    },
    120_000,
  );
});

describeOnGpu('gives on a GPU what the CPU gives', (gpu) => {
  it.each([
    ['half', false, 256, 0.1],
    ['half', true, 256, 0.1],
    ['half', false, 16, 0.1],
    ['bfloat16', false, 256, 0.3],
  ] as const)(
    '--dtype %s, graphs off: %p, pages of %i tokens',
    async (dtype, disableCudaGraph, pageSize, tolerance) => {
      const args = { memFractionStatic: 0.5, disableCudaGraph, pageSize };
      await compare(new CudaBackend(gpu, args, WHOLE), dtype, pageSize, tolerance);
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
