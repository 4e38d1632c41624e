import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KvPages } from '../../src/model-runner/kv-store';
import { PlayedCuda } from '../host-gpu';
import { CHECKPOINTS, Engine, type Result } from './support';

/**
 * Keys and values in pages, on a GPU that the CPU plays (`PlayedCuda`) with an attention written from the operator's documentation
 * (`mimePagedAttention`), in float32: what the CPU's own attention gives, for every family and however requests share steps and pages.
 */
const PROMPTS = Array.from({ length: 9 }, (_, i) =>
  Array.from({ length: 3 + 9 * i }, (_, j) => 3 + (((i % 4) * 31 + j * 17 + (j > 20 ? i * 7 : 0)) % 250)),
);

const ask = (engine: Engine, prompt: readonly number[]) =>
  engine.generate({
    prompt,
    sampling: { maxNewTokens: 12 },
    logprobs: { startLen: -1, topNum: 3, tokenIds: [5] },
  });

const TOLERANCE = 2e-5;

function expectSame(results: readonly Result[], expected: readonly Result[]): void {
  results.forEach(({ ids, outputLogprobs }, i) => {
    const other = expected[i] as Result;
    expect(ids).toEqual(other.ids);
    outputLogprobs.forEach(({ token }, at) => {
      const distance = Math.abs((token[0] ?? NaN) - (other.outputLogprobs[at]?.token[0] ?? NaN));
      expect(distance).toBeLessThanOrEqual(TOLERANCE);
    });
  });
}

function start(folder: string, pageSize: number, flags: readonly string[] = []): Promise<Engine> {
  const disableCudaGraph = flags.includes('--disable-cuda-graph');
  const backend = new PlayedCuda('float32', { memFractionStatic: 0.8, disableCudaGraph, pageSize });
  const pages = ['--page-size', String(pageSize), '--chunked-prefill-size', String(Math.max(pageSize, 32))];
  const all = ['--device', 'cuda', '--dtype', 'half', '--max-total-tokens', '4096', ...pages, ...flags];
  return Engine.start(folder, all, undefined, { backend });
}

async function answersOfCpu(folder: string): Promise<Result[]> {
  const cpu = await Engine.start(folder, ['--max-total-tokens', '4096', '--disable-radix-cache']);
  const answers: Result[] = [];
  for (const prompt of PROMPTS) answers.push(await ask(cpu, prompt));
  await cpu.close();
  return answers;
}

const FAMILIES = [
  ...['gemma2', 'gemma3', 'granite', 'llama-head-dim-8', 'llama-llama3-rope', 'mistral-sliding-window'],
  ...['mixtral', 'olmo2', 'phi3-longrope', 'qwen2-moe', 'qwen3', 'random-qwen2'],
];

const CAPTURED = ['--max-running-requests', '7', '--cuda-graph-bs', '1', '4', '7'];
const allAtOnce = (engine: Engine) => Promise.all(PROMPTS.map((prompt) => ask(engine, prompt)));

describe('checkpoints give what they give on the CPU, in float32', () => {
  it.each(FAMILIES)('%s', async (name) => {
    const folder = join(CHECKPOINTS, name);
    const expected = await answersOfCpu(folder);
    const engine = await start(folder, 16, CAPTURED);
    const alone: Result[] = [];
    for (const prompt of PROMPTS) alone.push(await ask(engine, prompt));
    expectSame(alone, expected);
    const together = await allAtOnce(engine);
    expectSame(together, expected);
    expect(together.some(({ cachedTokens }) => cachedTokens > 0)).toBe(true);
    await engine.close();
  });
});

describe('the same answer', () => {
  const folder = join(CHECKPOINTS, 'random-qwen2');
  let expected: Result[];
  beforeAll(async () => {
    expected = await answersOfCpu(folder);
  });

  it.each<[string, number, readonly string[]]>([
    ['in padded batches', 16, CAPTURED],
    ['in batches that are not padded', 16, [...CAPTURED, '--disable-cuda-graph-padding']],
    ['with prompts and streams in the same runs', 16, ['--disable-cuda-graph']],
    ['in pages much longer than a request', 256, CAPTURED],
    ['with as many requests as pages', 256, [...CAPTURED, '--max-total-tokens', '768']],
    ['with three rows', 32, ['--max-running-requests', '3']],
    ['without a cache', 16, [...CAPTURED, '--disable-radix-cache']],
    [
      'with too little memory for all',
      16,
      ['--max-total-tokens', '256', '--schedule-conservativeness', '0.05'],
    ],
    ['with drafts', 16, ['--speculative-algorithm', 'NGRAM']],
  ])('%s', async (_, pageSize, flags) => {
    const engine = await start(folder, pageSize, flags);
    for (let round = 0; round < 2; round++) expectSame(await allAtOnce(engine), expected);
    await engine.close();
  });

  it('after retractions', async () => {
    process.env['SGLANG_TEST_RETRACT'] = 'true';
    const engine = await start(folder, 16, CAPTURED);
    delete process.env['SGLANG_TEST_RETRACT'];
    const together = await allAtOnce(engine);
    expectSame(together, expected);
    expect(together.some(({ retractions }) => retractions > 0)).toBe(true);
    await engine.close();
  });

  it('when others are aborted on the way, whose pages it gets', async () => {
    const engine = await start(folder, 16, [...CAPTURED, '--max-total-tokens', '512']);
    for (let round = 0; round < 4; round++) {
      const doomed = PROMPTS.map((prompt, i) =>
        engine.generate({ rid: `doomed-${round}-${i}`, prompt, sampling: { maxNewTokens: 100 } }),
      );
      const { forwardCount } = engine.scheduler.state;
      while (engine.scheduler.state.forwardCount < forwardCount + 3 + round) await nextTurn();
      const asked = allAtOnce(engine);
      PROMPTS.forEach((__, i) => engine.scheduler.receive({ type: 'abort', rid: `doomed-${round}-${i}` }));
      expect(
        (await Promise.all(doomed)).filter(({ finish }) => finish.type === 'abort').length,
      ).toBeGreaterThan(3);
      expectSame(await asked, expected);
    }
    await engine.close();
  });
});

describe('requests with a prefix in common', () => {
  const folder = join(CHECKPOINTS, 'random-qwen2');
  const PREFIX = Array.from({ length: 40 }, (_, i) => 3 + i * 5);

  it('have its pages in common, and nothing is copied', async () => {
    const engine = await start(folder, 16, CAPTURED);
    const { kv } = engine.model.runner;
    const pages = kv.pages as KvPages;
    await engine.generate({ prompt: [...PREFIX, 7], sampling: { maxNewTokens: 1 } });
    const { calls } = (engine.model.backend as PlayedCuda).stream;
    const from = calls.length;
    let seen: number[][] = [];
    const runs = [8, 9].map((last) =>
      engine.generate({ prompt: [...PREFIX, last], sampling: { maxNewTokens: 20 } }),
    );
    const decode = engine.model.runner.decode.bind(engine.model.runner);
    engine.model.runner.decode = (ids, lengths) => {
      const slots = (row: number) =>
        Array.from({ length: lengths[row] as number }, (_, at) => pages.slotAt(row, at));
      if (ids.length === 2) seen = [slots(0), slots(1)];
      return decode(ids, lengths);
    };
    const results = await Promise.all(runs);
    expect(results.map(({ cachedTokens }) => cachedTokens)).toEqual([32, 32]);
    const [one, other] = seen as [number[], number[]];
    expect(one.slice(0, 32)).toEqual(other.slice(0, 32));
    expect(new Set(one.slice(32)).size).toBe(one.length - 32);
    expect(one.slice(32).filter((slot) => other.includes(slot))).toEqual([]);
    // What went over the bus: inputs and pages there, logits back. A copy within the device there is not.
    const { numKvHeads, headDim } = engine.model.config;
    const tokenBytes = numKvHeads * headDim * 4;
    const moved = calls.slice(from).filter(({ call }) => call !== 'toHost' && call !== 'finished');
    expect(new Set(moved.map(({ call }) => call))).toEqual(new Set(['toDevice']));
    expect(Math.max(...moved.map(({ bytes }) => bytes))).toBeLessThan(32 * tokenBytes);
    await engine.close();
  });

  it('have them in common when each computed them for itself', async () => {
    const engine = await start(folder, 16, [...CAPTURED, '--chunked-prefill-size', '256']);
    const pages = engine.model.runner.kv.pages as KvPages;
    let seen: number[][] = [];
    const decode = engine.model.runner.decode.bind(engine.model.runner);
    engine.model.runner.decode = (ids, lengths) => {
      if (ids.length === 2) seen = [0, 1].map((row) => PREFIX.map((__, at) => pages.slotAt(row, at)));
      return decode(ids, lengths);
    };
    const ask = (last: number) =>
      engine.generate({ prompt: [...PREFIX, last], sampling: { maxNewTokens: 20 } });
    const results = await Promise.all([ask(8), ask(9)]);
    expect(results.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 0]);
    const [one, other] = seen as [number[], number[]];
    expect(one.slice(0, 32)).toEqual(other.slice(0, 32));
    expect(one.slice(32).filter((slot) => other.includes(slot))).toEqual([]);
    await engine.close();
  });
});
