import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Folders } from '../unit/checkpoint/folders';
import { answers, bits, meanDistance, startUncached } from './answers';
import { Embedder } from './embedder';
import { CHECKPOINTS, readGolden, SHIPPED } from './support';

/** Quantized weights: near what they were made from, and one answer whatever runs beside a request. */

const folders = new Folders();
const cacheDir = folders.create();
process.env['SGLANG_CACHE_DIR'] = cacheDir;
afterAll(() => folders.removeAll());

const VOCAB = 200;
const PROMPTS = Array.from({ length: 9 }, (_, i) =>
  Array.from({ length: 4 + 9 * i }, (_, j) => 3 + (((i % 3) * 31 + j * 17 + (j > 20 ? i * 7 : 0)) % VOCAB)),
);
const MODELS = [
  ...['random-qwen2', 'llama-fp16-biases', 'gemma3', 'phi3', 'qwen2-moe', 'mixtral'].map((name) =>
    join(CHECKPOINTS, name),
  ),
  join(SHIPPED, 'demo-chat'),
];
const METHODS = [
  ['--quantization', 'w8a8_int8'],
  ['--torchao-config', 'int4wo-32'],
] as const;

describe.each(METHODS)('%s %s', (...flags) => {
  it.each(MODELS)('%s answers the same alone and in a batch, whole and in chunks', async (folder) => {
    const alone = await answers(folder, [...flags, '--chunked-prefill-size', '-1'], PROMPTS, false);
    expect(new Set(alone.map(({ ids }) => ids.join())).size).toBeGreaterThan(1);
    const together = await answers(folder, flags, PROMPTS, true);
    expect(together.map(bits)).toEqual(alone.map(bits));
    const chunked = await answers(folder, [...flags, '--chunked-prefill-size', '8'], PROMPTS, true);
    const silent = await startUncached(folder, [...flags, '--chunked-prefill-size', '8']);
    const prompt = PROMPTS.at(-1) ?? [];
    expect((await silent.generate({ prompt, sampling: { maxNewTokens: 1 } })).ids).toHaveLength(1);
    await silent.close();
    // Attention sums in another order behind a past: the last bits of float32 may differ.
    expect(chunked.map(({ ids }) => ids)).toEqual(alone.map(({ ids }) => ids));
    expect(meanDistance(chunked, alone)).toBeLessThan(1e-3);
  });
});

it('was made once for each model and method', () => {
  const files = readdirSync(join(cacheDir, 'quantized')).filter((name) => name.endsWith('.safetensors'));
  expect(files).toHaveLength(MODELS.length * METHODS.length);
});

/** Mean distance of the prompts' log-probabilities from those that the reference computed in float32. */
async function distanceFromGolden(folder: string, golden: string, flags: readonly string[]): Promise<number> {
  const engine = await startUncached(folder, flags);
  const differences: number[] = [];
  for (const { input_ids: prompt, input_token_logprobs: expected } of readGolden(golden)) {
    const sampling = { maxNewTokens: 1 };
    const logprobs = { startLen: 0, topNum: 0, tokenIds: [] };
    const { inputLogprobs } = await engine.generate({ prompt, sampling, logprobs });
    inputLogprobs.slice(1).forEach(({ token }, at) => {
      differences.push(Math.abs((token[0] ?? NaN) - (expected[at + 1] ?? NaN)));
    });
  }
  await engine.close();
  return differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
}

it('is near what the reference computes in float32, int8 nearer than int4', async () => {
  const distance = (flags: readonly string[]) =>
    distanceFromGolden(join(SHIPPED, 'demo-chat'), join(__dirname, 'golden', 'demo-chat.json'), flags);
  const [float, int8, int4] = [await distance([]), await distance(METHODS[0]), await distance(METHODS[1])];
  expect(float).toBeLessThan(1e-4);
  expect(int8).toBeLessThan(0.1);
  expect(int4).toBeGreaterThan(int8);
  expect(int4).toBeLessThan(1);
});

// Whatever is rotated in one place and not in another makes nonsense of a model.
const FAMILIES = readdirSync(CHECKPOINTS).filter((name) =>
  existsSync(join(CHECKPOINTS, name, 'golden.json')),
);

it.each(FAMILIES)('%s in int8 is what it was', async (name) => {
  const folder = join(CHECKPOINTS, name);
  // Their logits are some ten apart.
  expect(await distanceFromGolden(folder, join(folder, 'golden.json'), METHODS[0])).toBeLessThan(0.5);
});

const EMBEDDERS = [
  'bert',
  'roberta',
  'xlm-roberta-reranker',
  'qwen3-classifier',
  'llama-reward',
  'qwen2-reward-model',
  'random-qwen2',
];

it.each(EMBEDDERS)('%s in int8 gives the vectors or scores that it gave', async (name) => {
  const vectors = async (flags: readonly string[]) => {
    const embedder = await Embedder.start(name, [
      ...(name.startsWith('random') ? ['--is-embedding'] : []),
      ...flags,
    ]);
    const outputs = await Promise.all(
      PROMPTS.slice(0, 5).map((ids) => embedder.embed(ids.map((id) => id % 100))),
    );
    await embedder.close();
    return outputs.map((output) => [...(output.vector ?? [])]);
  };
  // All texts together: a single score may be next to nothing.
  const [exact, rounded] = [(await vectors([])).flat(), (await vectors(METHODS[0])).flat()];
  const distance =
    Math.hypot(...exact.map((value, at) => value - (rounded[at] ?? NaN))) / Math.hypot(...exact);
  expect(distance).toBeGreaterThan(0);
  expect(distance).toBeLessThan(0.2);
});
