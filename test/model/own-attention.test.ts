import { ownOperators } from '../../src/onnxruntime/own-operators';
import { CpuBackend } from '../../src/model-runner/backends/cpu/cpu-backend';
import type { HostKvType } from '../../src/model-runner/backends/cpu/host-kv-store';
import { Engine, SHIPPED, type Result } from './support';

/**
 * With the operator of `native` a request's log-probabilities have the same bits whatever runs beside it, however its prompt is cut, and
 * what of it was cached; keys and values in 8 bits as well.
 */
const here = ownOperators() === null ? describe.skip : describe;

const PROMPTS = Array.from({ length: 8 }, (_, i) =>
  Array.from({ length: 5 + 23 * i }, (_, j) => 3 + (((i % 3) * 31 + j * 17 + (j > 40 ? i * 7 : 0)) % 900)),
);

const ask = (engine: Engine, prompt: readonly number[]) =>
  engine.generate({
    prompt,
    sampling: { maxNewTokens: 12 },
    logprobs: { startLen: -1, topNum: 2, tokenIds: null },
  });

const start = (flags: readonly string[], kvType: HostKvType) =>
  Engine.start(`${SHIPPED}/demo-chat`, ['--max-total-tokens', '4096', ...flags], undefined, {
    backend: new CpuBackend(undefined, undefined, kvType),
  });

here.each([['float32'], ['int8']] as const)('%s keys and values: the same bits', (kvType) => {
  let alone: Result[];
  const bits = ({ ids, outputLogprobs }: Result) => ({ ids, outputLogprobs });

  beforeAll(async () => {
    const engine = await start(['--disable-radix-cache', '--chunked-prefill-size', '-1'], kvType);
    alone = [];
    for (const prompt of PROMPTS) alone.push(await ask(engine, prompt));
    await engine.close();
  });

  it.each([
    ['in a batch', ['--disable-radix-cache', '--chunked-prefill-size', '-1']],
    ['in chunks of 7', ['--chunked-prefill-size', '7']],
    ['with prompts and streams together', ['--enable-mixed-chunk', '--chunked-prefill-size', '16']],
    ['with pages of 16 and three rows', ['--page-size', '16', '--max-running-requests', '3']],
    ['with too little memory for all', ['--max-total-tokens', '400', '--schedule-conservativeness', '0.05']],
  ])('%s, and once more from the cache', async (_, flags) => {
    const engine = await start(flags, kvType);
    for (let round = 0; round < 2; round++) {
      const together = await Promise.all(PROMPTS.map((prompt) => ask(engine, prompt)));
      expect(together.map(bits)).toEqual(alone.map(bits));
    }
    await engine.close();
  });
});

here('int8 keys and values', () => {
  it('change a log-probability by little, and take a quarter of the memory and a scale', async () => {
    const [exact, rounded] = [await start([], 'float32'), await start([], 'int8')];
    for (const prompt of PROMPTS) {
      const [a, b] = [await ask(exact, prompt), await ask(rounded, prompt)];
      expect(
        Math.abs((a.outputLogprobs[0]?.token[0] ?? NaN) - (b.outputLogprobs[0]?.token[0] ?? NaN)),
      ).toBeLessThan(0.3);
    }
    const { headDim } = exact.model.config as { headDim: number };
    expect(rounded.model.runner.kv.bytes / exact.model.runner.kv.bytes).toBeCloseTo(
      (headDim + 4) / (4 * headDim),
      6,
    );
    await exact.close();
    await rounded.close();
  });
});
