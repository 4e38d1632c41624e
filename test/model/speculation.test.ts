import { ownOperators } from '../../src/onnxruntime/own-operators';
import { RunTimes } from '../../src/scheduler/speculation/run-times';
import { CHECKPOINTS, Engine, SHIPPED, type Result } from './support';
import type { Overrides } from '../unit/scheduler/generation/support';
import { join } from 'node:path';

/**
 * Drafts change how long it takes, and nothing else: two engines around one model, the one checking every draft it can make, the
 * other none, are asked the same.
 */
const NGRAM = ['--speculative-algorithm', 'NGRAM'];
const MEMORY = ['--max-total-tokens', '8192'];

const VOCAB = 200;
const random = (seed: number, length: number) =>
  Array.from({ length }, (_, i) => 3 + ((seed * 7919 + i * i * 31 + i * 17) % VOCAB));
const periodic = (period: number, length: number) => random(period, length).map((_, i) => 5 + (i % period));
const PROMPTS = [
  random(1, 40),
  periodic(3, 30),
  random(2, 7),
  periodic(8, 50),
  [...random(3, 20), ...random(3, 20)],
];

const INT8: readonly string[] = ['--quantization', 'w8a8_int8'];

type Sampling = Overrides['sampling'];
const SAMPLINGS: readonly (readonly [name: string, sampling: Sampling, more?: Partial<Overrides>])[] = [
  ['the likeliest token', {}],
  ['a temperature and a seed', { temperature: 0.8, topK: -1, topP: 0.9, seed: 3 }],
  ['a low temperature', { temperature: 0.3, topK: 40, minP: 0.05, seed: 11 }],
  ['penalties', { frequencyPenalty: 0.4, presencePenalty: 0.3, repetitionPenalty: 1.1 }],
  ['few tokens to choose from', { logitBias: [5, 6, 7, 9].map((id) => [id, 30] as const) }],
  ['stop tokens and a minimum', { stopTokenIds: [5, 6, 7, 8, 9, 10], minNewTokens: 12 }],
  ['log-probabilities', {}, { logprobs: { startLen: 0, topNum: 3, tokenIds: [5, 9] } }],
  ['a stop string, which is looked for elsewhere', {}, { decode: { stop: ['zzz'] } }],
  ['a stream', {}, { stream: true, streamInterval: 3 }],
];

const requests = (maxNewTokens: number): Overrides[] =>
  SAMPLINGS.flatMap(([, sampling, more]) =>
    PROMPTS.map((prompt) => ({ prompt, ...more, sampling: { ...sampling, maxNewTokens } })),
  );

function expectSame(actual: Result, expected: Result): void {
  expect(actual.ids).toEqual(expected.ids);
  expect(actual.finish).toEqual(expected.finish);
  expect(actual.outputLogprobs).toHaveLength(expected.outputLogprobs.length);
  actual.outputLogprobs.forEach(({ token, top, chosen }, i) => {
    const other = expected.outputLogprobs[i];
    expect(Math.abs((token[0] ?? 0) - (other?.token[0] ?? NaN))).toBeLessThan(1e-3);
    expect(token[1]).toBe(other?.token[1]);
    expect(top).toHaveLength(3);
    expect(chosen?.map(([, id]) => id)).toEqual([5, 9]);
  });
}

/** Drafts always, with what `env` says besides. */
async function eager(
  model: string,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Engine> {
  const before = { ...process.env };
  Object.assign(process.env, { SGLANG_TEST_SPECULATE: '1', ...env });
  try {
    return await Engine.start(model, [...MEMORY, ...NGRAM, ...flags]);
  } finally {
    process.env = before;
  }
}

const accepted = ({ scheduler }: Engine) => scheduler.load.drafts?.averageAcceptLength ?? 0;

describe.each([
  ['random weights', join(CHECKPOINTS, 'random-qwen2'), []],
  ['a trained model', join(SHIPPED, 'demo-chat'), []],
  ['a mixture of experts', join(CHECKPOINTS, 'mixtral'), []],
  ...(ownOperators() === null ? [] : [['a model in 8 bits', join(SHIPPED, 'demo-chat'), INT8] as const]),
] as const)('with %s', (_, model, kind) => {
  const asked = requests(40);
  let alone: Result[];
  let plain: Engine;

  beforeAll(async () => {
    plain = await Engine.start(model, [...MEMORY, ...kind]);
    alone = [];
    for (const request of asked) alone.push(await plain.generate(request));
  });
  afterAll(() => plain.close());

  it('the same tokens come one request at a time', async () => {
    const engine = await eager(model, kind);
    for (const [i, request] of asked.entries())
      expectSame(await engine.generate(request), alone[i] as Result);
    expect(accepted(engine)).toBeGreaterThan(1.02);
    await engine.close();
  });

  // What sets 8 bits apart shows in any of them.
  const ways: readonly (readonly [string, readonly string[]])[] = [
    ['all at once', []],
    ['in small chunks, so that prompts and drafts take turns', ['--chunked-prefill-size', '8']],
    ['in pages', ['--page-size', '16', '--chunked-prefill-size', '32']],
    [
      'without overlap, in short checks',
      ['--disable-overlap-schedule', '--speculative-num-draft-tokens', '3'],
    ],
    ['in long checks', ['--speculative-num-draft-tokens', '48']],
    ['from long matches only', ['--speculative-ngram-min-match-window-size', '4']],
    ['with too little memory', ['--max-total-tokens', '420', '--schedule-conservativeness', '0.05']],
  ];
  it.each(kind.length === 0 ? ways : ways.slice(0, 1))('the same tokens come %s', async (__, flags) => {
    const engine = await eager(model, [...flags, ...kind]);
    const together = await Promise.all(asked.map((request) => engine.generate(request)));
    together.forEach((result, i) => expectSame(result, alone[i] as Result));
    // Once more, with the cache full of what was computed with drafts.
    const again = await Promise.all(asked.map((request) => engine.generate(request)));
    again.forEach((result, i) => expectSame(result, alone[i] as Result));
    expect(await engine.call({ type: 'flush_cache' })).toMatchObject({ success: true });
    expect(engine.scheduler.load.usedTokens).toBe(0);
    await engine.close();
  });

  it('the same tokens come after retractions', async () => {
    const engine = await eager(model, kind, { SGLANG_TEST_RETRACT: 'true' });
    const together = await Promise.all(asked.map((request) => engine.generate(request)));
    together.forEach((result, i) => expectSame(result, alone[i] as Result));
    expect(together.some(({ retractions }) => retractions > 0)).toBe(true);
    await engine.close();
  });

  it('some check drafts alone, and the others go on together', async () => {
    const engine = await Engine.start(model, [...MEMORY, ...NGRAM, ...kind]);
    // A draft pays by these times, and not for everybody at every time.
    const step = jest.spyOn(RunTimes.prototype, 'step').mockImplementation((size) => 10 * size);
    const run = jest.spyOn(RunTimes.prototype, 'run').mockImplementation((tokens) => 10 + tokens / 2);
    const together = await Promise.all(asked.map((request) => engine.generate(request)));
    together.forEach((result, i) => expectSame(result, alone[i] as Result));
    expect(accepted(engine)).toBeGreaterThan(1);
    step.mockRestore();
    run.mockRestore();
    await engine.close();
  });

  it('an end in the middle of a draft is an end, and nothing behind it is cached', async () => {
    const engine = await eager(model, kind);
    const prompt = periodic(3, 30);
    for (let maxNewTokens = 1; maxNewTokens <= 9; maxNewTokens++) {
      const result = await engine.generate({ prompt, sampling: { maxNewTokens, logitBias: [[5, 100]] } });
      expect(result.ids).toEqual(new Array(maxNewTokens).fill(5));
      expect(result.finish).toEqual({ type: 'length', length: maxNewTokens });
      // All that is cached of it: the prompt and the output but for its last token.
      const longer = await engine.generate({
        prompt: [...prompt, ...result.ids, 5, 5, 5],
        sampling: { maxNewTokens: 1 },
      });
      expect(longer.cachedTokens).toBe(prompt.length + maxNewTokens - 1);
      await engine.call({ type: 'flush_cache' });
    }
    await engine.close();
  });
});

// Inputs that are rounded within a product are rounded apart by the last bits of float32, so that drafts may change what they come to; with
// ONNX Runtime's attention others as well.
it.each([
  ['--quantization', 'w8a8_int8'],
  ['--torchao-config', 'int4wo-32'],
])('with %s %s drafts are accepted as well', async (...flags) => {
  const engine = await eager(join(SHIPPED, 'demo-chat'), flags);
  for (const prompt of PROMPTS) {
    const result = await engine.generate({ prompt, sampling: { maxNewTokens: 100 } });
    expect(result.ids).toHaveLength(100);
  }
  expect(accepted(engine)).toBeGreaterThan(1.02);
  await engine.close();
});
