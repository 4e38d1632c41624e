import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { Engine, SHARED, CHECKPOINTS, type Result } from './support';

/**
 * One request, one answer: whatever runs beside it, whatever the cache holds, however its prompt is cut, and whether it
 * had to be retracted on the way.
 */
const stories = join(SHARED, 'models', 'stories260k');
const folder = existsSync(stories) ? stories : join(CHECKPOINTS, 'random-qwen2');

const VOCAB = 400;
const LOGPROBS = { startLen: -1, topNum: 3, tokenIds: [5, 9] };

/** Reproducible prompts of different lengths; some share a prefix. */
const PROMPTS = Array.from({ length: 16 }, (_, i) =>
  Array.from({ length: 3 + 5 * i }, (_, j) => 3 + (((i % 4) * 31 + j * 17 + (j > 20 ? i * 7 : 0)) % VOCAB)),
);

const ask = (engine: Engine, prompt: readonly number[], more = {}) =>
  engine.generate({ prompt, sampling: { maxNewTokens: 24 }, logprobs: LOGPROBS, ...more });

function expectSame(actual: Result, expected: Result): void {
  expect(actual.ids).toEqual(expected.ids);
  expect(actual.finish).toEqual(expected.finish);
  actual.outputLogprobs.forEach(({ token, chosen }, index) => {
    const other = expected.outputLogprobs[index];
    expect(Math.abs((token[0] ?? 0) - (other?.token[0] ?? NaN))).toBeLessThan(1e-4);
    expect(chosen?.map(([, id]) => id)).toEqual(LOGPROBS.tokenIds);
  });
}

describe('the same answer', () => {
  let alone: Result[];
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start(folder, [
      '--disable-radix-cache',
      '--max-total-tokens',
      '4096',
      '--chunked-prefill-size',
      '-1',
    ]);
    alone = [];
    for (const prompt of PROMPTS) alone.push(await ask(engine, prompt));
  });
  afterAll(() => engine.close());

  it('is found without a cache', () => {
    expect(alone.every(({ cachedTokens }) => cachedTokens === 0)).toBe(true);
    expect(new Set(alone.map(({ ids }) => ids.join())).size).toBeGreaterThan(4);
  });

  it('in a batch of 16', async () => {
    const together = await Promise.all(PROMPTS.map((prompt) => ask(engine, prompt)));
    together.forEach((result, i) => expectSame(result, alone[i] as Result));
  });

  const variants: readonly (readonly [name: string, flags: readonly string[]])[] = [
    ['with prompts and streams together', ['--enable-mixed-chunk', '--chunked-prefill-size', '16']],
    ['with the prefix cache', []],
    ['in chunks of 8', ['--chunked-prefill-size', '8']],
    ['with pages of 16', ['--page-size', '16', '--chunked-prefill-size', '32']],
    ['without overlap', ['--disable-overlap-schedule']],
    ['with longest prefix first', ['--schedule-policy', 'lpm']],
    ['with depth-first order', ['--schedule-policy', 'dfs-weight']],
    ['with three rows', ['--max-running-requests', '3']],
    ['with too little memory for all', ['--max-total-tokens', '260', '--schedule-conservativeness', '0.05']],
  ];

  it.each(variants)('%s', async (_, flags) => {
    const other = await Engine.start(folder, ['--max-total-tokens', '4096', ...flags]);
    const together = await Promise.all(PROMPTS.map((prompt) => ask(other, prompt)));
    together.forEach((result, i) => expectSame(result, alone[i] as Result));
    // Once more, now that the cache is warm.
    const again = await Promise.all(PROMPTS.map((prompt) => ask(other, prompt)));
    again.forEach((result, i) => expectSame(result, alone[i] as Result));
    expect(again.some(({ cachedTokens }) => cachedTokens > 0)).toBe(true);
    await other.close();
  });

  it('after retraction', async () => {
    process.env['SGLANG_TEST_RETRACT'] = 'true';
    const other = await Engine.start(folder, ['--max-total-tokens', '4096']);
    delete process.env['SGLANG_TEST_RETRACT'];
    const together = await Promise.all(PROMPTS.map((prompt) => ask(other, prompt)));
    together.forEach((result, i) => expectSame(result, alone[i] as Result));
    expect(together.some(({ retractions }) => retractions > 0)).toBe(true);
    await other.close();
  });

  it('drawn with a seed, alone or among others, retracted or not', async () => {
    const sampling = { maxNewTokens: 24, temperature: 1, topP: 0.9, topK: -1 };
    const draw = (seed: number) => engine.generate({ prompt: [1, 2, 3], sampling: { ...sampling, seed } });
    const [first, again, other] = [await draw(7), await draw(7), await draw(8)];
    expect(again.ids).toEqual(first.ids);
    expect(other.ids).not.toEqual(first.ids);
    const crowd = PROMPTS.map((prompt) => ask(engine, prompt));
    expect((await draw(7)).ids).toEqual(first.ids);
    await Promise.all(crowd);
  });
});

describe('cached tokens', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start(folder, ['--max-total-tokens', '2000']);
  });
  afterAll(() => engine.close());

  const counting = (length: number) => Array.from({ length }, (_, i) => 3 + (i % VOCAB));
  const cached = async (length: number, more = {}) =>
    (await engine.generate({ prompt: counting(length), sampling: { maxNewTokens: 1 }, ...more }))
      .cachedTokens;

  it('follow upstream’s arithmetic', async () => {
    expect(await cached(20)).toBe(0);
    expect(await cached(200)).toBe(20);
    expect(await cached(200)).toBe(199);
    expect(await cached(100)).toBe(99);
    expect(await cached(250)).toBe(200);
  });

  it('are not shared between extra keys', async () => {
    expect(await cached(200, { extraKey: 'tenant' })).toBe(0);
    expect(await cached(200, { extraKey: 'tenant' })).toBe(199);
  });

  it('stop at the first wanted log-probability', async () => {
    const logprobs = { startLen: 50, topNum: 0, tokenIds: null };
    const result = await engine.generate({ prompt: counting(200), sampling: { maxNewTokens: 1 }, logprobs });
    expect(result.cachedTokens).toBe(50);
    expect(result.inputLogprobs).toHaveLength(150);
  });
});
