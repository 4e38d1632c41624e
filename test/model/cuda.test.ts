import { join } from 'node:path';
import { PlayedCuda } from '../host-gpu';
import { Engine, SHIPPED, type Result } from './support';

/** The CUDA backend on a GPU that the CPU plays (see `HostStream`). */

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

it.each([
  ['in float32, where every bit can be compared', 'float32', 2e-5],
  ['in float16', null, 0.03],
] as const)(
  'gives what the CPU gives: alone, cached, in padded batches and in chunks, %s',
  async (_, type, tolerance) => {
    const backend = new PlayedCuda(type);
    const gpu = await Engine.start(
      FOLDER,
      ['--device', 'cuda', '--dtype', 'half', ...FLAGS, ...CAPTURED],
      undefined,
      { backend },
    );
    const single: Result[] = [];
    for (const prompt of PROMPTS) single.push(await ask(gpu, prompt));
    expectSame(single, alone, tolerance);
    const together = await Promise.all(PROMPTS.map((prompt) => ask(gpu, prompt)));
    expectSame(together, alone, tolerance);
    expect(together.some(({ cachedTokens }) => cachedTokens > 0)).toBe(true);
    await gpu.close();
  },
  120_000,
);
