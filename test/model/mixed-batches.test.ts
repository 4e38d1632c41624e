import { setTimeout as sleep } from 'node:timers/promises';
import { ownOperators } from '../../src/onnxruntime/own-operators';
import type { ModelRunner } from '../../src/model-runner/model-runner';
import { Engine, SHIPPED, type Result } from './support';

/** Where rows are packed, pieces of prompts are computed in the steps of running streams, and nobody's answer tells. */
const here = ownOperators() === null ? describe.skip : describe;

const ids = (length: number, salt: number) =>
  Array.from({ length }, (_, i) => 3 + ((salt * 131 + i * 17 + (i > 20 ? salt * i : 0)) % 900));

const ask = (engine: Engine, prompt: readonly number[], more: object = {}) =>
  engine.generate({
    prompt,
    sampling: { maxNewTokens: 24 },
    logprobs: { startLen: -1, topNum: 2, tokenIds: null },
    ...more,
  });

const bits = ({ ids, outputLogprobs, inputLogprobs }: Result) => ({ ids, outputLogprobs, inputLogprobs });

/** Pieces of prompts, and streams, of each run that had both. */
function watchMixed(runner: ModelRunner): { readonly pieces: number; readonly streams: number }[] {
  const seen: { pieces: number; streams: number }[] = [];
  const extend = runner.extend.bind(runner);
  runner.extend = (items, mode) => {
    const streams = items.filter(({ ids }) => ids.length === 1).length;
    if (mode === 'mixed') seen.push({ pieces: items.length - streams, streams });
    return extend(items, mode);
  };
  return seen;
}

const PROMPTS = [7, 60, 130, 9, 300, 41, 2, 90].map(ids);

here.each([
  ['demo-chat', []],
  ['demo-chat', ['--quantization', 'w8a8_int8']],
  ['demo-moe', []],
])('%s %j', (model, flags) => {
  const start = (more: readonly string[]) =>
    Engine.start(`${SHIPPED}/${model}`, ['--max-total-tokens', '4096', ...flags, ...more]);

  it('gives each answer the bits that it has alone, whoever comes while others run', async () => {
    const lonely = await start(['--disable-radix-cache', '--chunked-prefill-size', '-1']);
    const alone: Result[] = [];
    for (const prompt of PROMPTS) alone.push(await ask(lonely, prompt));
    await lonely.close();

    const engine = await start(['--max-running-requests', '5']);
    const mixed = watchMixed(engine.model.runner);
    const together = await Promise.all(
      PROMPTS.map(async (prompt, i) => {
        await sleep(15 * Math.floor(i / 2));
        return ask(engine, prompt);
      }),
    );
    await engine.close();
    expect(together.map(bits)).toEqual(alone.map(bits));
    expect(mixed.length).toBeGreaterThan(3);
    expect(Math.max(...mixed.map(({ streams }) => streams))).toBeGreaterThan(1);
  });
});

here('beside streams', () => {
  it('log-probabilities of a prompt, which need many logits, run alone and are the same', async () => {
    const everything = { logprobs: { startLen: 0, topNum: 1, tokenIds: [4] } };
    const engine = await Engine.start(`${SHIPPED}/demo-chat`, ['--disable-radix-cache']);
    const alone = [await ask(engine, ids(150, 3), everything), await ask(engine, ids(50, 4))];
    const stream = ask(engine, ids(8, 9), { sampling: { maxNewTokens: 120, ignoreEos: true } });
    await sleep(20);
    const beside = await Promise.all([ask(engine, ids(150, 3), everything), ask(engine, ids(50, 4))]);
    expect(beside.map(bits)).toEqual(alone.map(bits));
    expect((await stream).ids).toHaveLength(120);
    await engine.close();
  });

  it('a prompt that is aborted half-computed leaves, and a run that fails ends only who was in it', async () => {
    const engine = await Engine.start(`${SHIPPED}/demo-chat`, ['--max-total-tokens', '4096']);
    const runner = engine.model.runner;
    const mixed = watchMixed(runner);
    const long = { sampling: { maxNewTokens: 150, ignoreEos: true } };
    const alone = await ask(engine, ids(8, 9), long);
    const stream = ask(engine, ids(8, 9), long);
    await sleep(10);
    const aborted = ask(engine, ids(900, 1), { rid: 'half' });
    while (mixed.length < 3) await sleep(1);
    engine.scheduler.receive({ type: 'abort', rid: 'half' });
    expect((await aborted).finish).toMatchObject({ type: 'abort' });
    expect(bits(await stream)).toEqual(bits(alone));

    const extend = runner.extend.bind(runner);
    const failing = ask(engine, ids(8, 9), long);
    await sleep(10);
    runner.extend = (items, mode) =>
      mode === 'mixed' ? Promise.reject(new Error('no memory')) : extend(items, mode);
    const other = ask(engine, ids(70, 2));
    for (const { finish } of await Promise.all([failing, other])) {
      expect(finish).toMatchObject({ type: 'abort', status_code: 500 });
    }
    runner.extend = extend;
    expect(bits(await ask(engine, ids(8, 9), long))).toEqual(bits(alone));
    await engine.close();
  });
});
