import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { gguf } from '../gguf';
import { inBlocks } from '../gguf-blocks';
import { converted } from '../gguf-conversion';
import { PlayedCuda } from '../host-gpu';
import { Folders } from '../unit/checkpoint/folders';
import { allOf, answers, bits, meanDistance, startUncached } from './answers';
import { CHECKPOINTS, Engine, SHIPPED } from './support';

/** GGUF files in blocks, each beside a twin in float32 of the very values that its blocks stand for. */

const folders = new Folders();
const cacheDir = folders.create();
process.env['SGLANG_CACHE_DIR'] = cacheDir;
afterAll(() => folders.removeAll());

const PROMPTS = Array.from({ length: 16 }, (_, i) =>
  Array.from({ length: 4 + 5 * (i % 9) }, (_, j) => 3 + ((i * 31 + j * 17) % 200)),
);

type TypeOf = Parameters<typeof inBlocks>[1];

/** What files of 4 bits hold in 8: some projections, and the table of tokens. */
const mixed: TypeOf = (name) => (/attn_v|ffn_down|token_embd/.test(name) ? 'Q8_0' : 'Q4_1');
const all =
  (type: NonNullable<ReturnType<TypeOf>>): TypeOf =>
  () =>
    type;

const CASES: readonly (readonly [dir: string, name: string, typeOf: TypeOf])[] = [
  // Tied, with biases of queries, keys and values.
  [CHECKPOINTS, 'random-qwen2', all('Q4_1')],
  [CHECKPOINTS, 'random-qwen2', mixed],
  // Rows of queries and keys in another order; untied, with biases everywhere.
  [CHECKPOINTS, 'llama-fp16-biases', all('Q8_0')],
  [CHECKPOINTS, 'llama-head-dim-8', all('Q4_0')],
  // Queries, keys and values are one tensor, gate and up another.
  [CHECKPOINTS, 'phi3', all('Q4_1')],
  [CHECKPOINTS, 'gemma3', all('Q8_0')],
  // Stacks of experts.
  [CHECKPOINTS, 'mixtral', mixed],
  // Rows of 24 values, which are no blocks and stay floats.
  [CHECKPOINTS, 'qwen3-moe', all('Q4_1')],
  [SHIPPED, 'demo-chat', mixed],
];

function twins(dir: string, name: string, typeOf: TypeOf): { blocks: string; exact: string } {
  const { blocks, exact } = inBlocks(converted(join(dir, name)), typeOf);
  const folder = folders.create({ 'blocks.gguf': gguf(blocks), 'exact.gguf': gguf(exact) });
  return { blocks: join(folder, 'blocks.gguf'), exact: join(folder, 'exact.gguf') };
}

const uncut = ['--skip-tokenizer-init', '--chunked-prefill-size', '-1'];

describe.each(CASES)('%s/%s', (dir, name, typeOf) => {
  const { blocks, exact } = twins(dir, name, typeOf);

  it('computes with the values of its blocks, alone and in a batch, whole and in pieces', async () => {
    const alone = await answers(blocks, uncut, PROMPTS, false);
    expect(new Set(alone.map(({ ids }) => ids.join())).size).toBeGreaterThan(1);
    expect((await answers(blocks, uncut, PROMPTS, true)).map(bits)).toEqual(alone.map(bits));
    const pieces = await answers(
      blocks,
      ['--skip-tokenizer-init', '--chunked-prefill-size', '8'],
      PROMPTS,
      true,
    );
    expect(pieces.map(({ ids }) => ids)).toEqual(alone.map(({ ids }) => ids));
    expect(meanDistance(pieces, alone)).toBeLessThan(1e-3);
    // Inputs are rounded to 8 bits, and logits are some ten apart. What is generated may differ, so only prompts are compared.
    const prompts = (results: typeof alone) => results.map((result) => ({ ...result, outputLogprobs: [] }));
    const distance = meanDistance(prompts(alone), prompts(await answers(exact, uncut, PROMPTS, false)));
    expect(distance).toBeGreaterThan(0);
    expect(distance).toBeLessThan(0.5);
  });

  it('computes pieces of a prompt that are asked for no logits', async () => {
    const engine = await startUncached(blocks, ['--skip-tokenizer-init', '--chunked-prefill-size', '8']);
    const prompt = PROMPTS[8] ?? [];
    expect((await engine.generate({ prompt, sampling: { maxNewTokens: 1 } })).ids).toHaveLength(1);
    await engine.close();
  });

  it('decodes what a prompt of the same tokens gives', async () => {
    const engine = await startUncached(blocks, uncut);
    const outputs = await allOf(engine, PROMPTS, true);
    const whole = PROMPTS.map((prompt, at) => [...prompt, ...(outputs[at]?.ids ?? [])]);
    const again = await allOf(engine, whole, false);
    await engine.close();
    again.forEach(({ inputLogprobs }, at) => {
      const first = PROMPTS[at]?.length ?? 0;
      const prompt = inputLogprobs.slice(first).map(({ token }) => token[0] ?? NaN);
      const decoded = outputs[at]?.outputLogprobs.map(({ token }) => token[0] ?? NaN) ?? [];
      expect(prompt).toHaveLength(decoded.length);
      prompt.forEach((value, i) => expect(Math.abs(value - (decoded[i] ?? NaN))).toBeLessThan(0.01));
    });
  });

  it('is its twin to the bit where floats are asked for', async () => {
    const expected = (await answers(exact, uncut, PROMPTS, true)).map(bits);
    const asked = [...uncut, '--json-model-override-args', '{"quantization_config": null}'];
    expect((await answers(blocks, asked, PROMPTS, true)).map(bits)).toEqual(expected);
  });
});

it('keeps nothing in the cache of what is only taken over', () => {
  expect(readdirSync(cacheDir)).toEqual([]);
});

describe('blocks', () => {
  const { blocks, exact } = twins(CHECKPOINTS, 'llama-head-dim-8', mixed);

  it('are multiplied with floats on CUDA, played by the CPU; the table of tokens is one of floats', async () => {
    const backend = new PlayedCuda('float32');
    const created = jest.spyOn(backend, 'createSession');
    const flags = [...uncut, '--device', 'cuda', '--dtype', 'half'];
    const engine = await startUncached(blocks, flags, { backend });
    expect(engine.model.weights.roundsInputs).toBe(false);
    const [graph] = created.mock.calls.map(([model]) => Buffer.from(model));
    expect(graph?.includes('MatMulNBits')).toBe(true);
    expect(graph?.includes('GatherBlockQuantized')).toBe(false);
    const results = await allOf(engine, PROMPTS, true);
    await engine.close();
    const expected = await answers(exact, uncut, PROMPTS, true);
    expect(results.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids));
    expect(meanDistance(results, expected)).toBeLessThan(1e-5);
  });

  it('are quantized like the floats that they stand for', async () => {
    const flags = [...uncut, '--quantization', 'w8a8_int8'];
    const expected = await answers(exact, flags, PROMPTS, true);
    expect((await answers(blocks, flags, PROMPTS, true)).map(bits)).toEqual(expected.map(bits));
  });

  it('are shown as the floats that they stand for', async () => {
    const shown = [];
    for (const file of [blocks, exact]) {
      const engine = await startUncached(file, uncut);
      const names = ['model.embed_tokens.weight', 'model.layers.1.self_attn.k_proj.weight'];
      shown.push(names.map((name) => engine.model.weights.read(name, 3)));
      await engine.close();
    }
    expect(shown[0]?.map((parameter) => parameter?.shape)).toEqual([
      [3, 32],
      [3, 32],
    ]);
    expect(shown[0]).toEqual(shown[1]);
  });

  it('take the place of floats, and floats theirs', async () => {
    const expected = [
      await answers(blocks, uncut, PROMPTS, true),
      await answers(exact, uncut, PROMPTS, true),
    ];
    const engine = await startUncached(exact, uncut);
    for (const [at, modelDir] of [blocks, exact].entries()) {
      const loaded = await engine.call({ type: 'load_weights', modelDir, loadFormat: 'auto' });
      expect(loaded).toEqual({ of: 'load_weights', failure: null });
      await engine.call({ type: 'swap_weights', flushCache: true });
      expect(engine.model.weights.roundsInputs).toBe(modelDir === blocks);
      expect((await allOf(engine, PROMPTS, true)).map(bits)).toEqual(expected[at]?.map(bits));
    }
    await engine.close();
  });

  it('may be insisted on, where there are some', async () => {
    const engine = await Engine.start(blocks, [...uncut, '--quantization', 'gguf']);
    await engine.close();
    await expect(Engine.start(exact, [...uncut, '--quantization', 'gguf'])).rejects.toThrow(
      `${exact}: weights are not quantized with 'gguf'`,
    );
    await expect(Engine.start(blocks, [...uncut, '--quantization', 'awq'])).rejects.toThrow(
      "weights are quantized with 'gguf' already, which does not match what was asked for (awq)",
    );
  });

  it('are refused where the file ends before they do', async () => {
    const { blocks: cut } = twins(CHECKPOINTS, 'random-qwen2', mixed);
    truncateSync(cut, 60_000);
    await expect(Engine.start(cut, uncut)).rejects.toThrow(
      /^[^\n]*blocks\.gguf: tensor '[^\n]*\(truncated\?\)$/,
    );
  });
});
