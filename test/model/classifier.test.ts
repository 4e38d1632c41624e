import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Embedder, expectClose } from './embedder';
import { CHECKPOINTS } from './support';

/** Scores of classifiers, rerankers and reward models against transformers', alone and in company. */

interface Case {
  readonly input_ids: readonly number[];
  readonly pair_at: number | null;
  readonly scores: readonly number[];
}

const NAMES = [
  'bert-reranker',
  'roberta-classifier',
  'xlm-roberta-reranker',
  'llama-reward',
  'mistral-classifier',
  'qwen2-classifier',
  'qwen3-classifier',
  'qwen2-reward-model',
];

function casesOf(name: string): readonly Case[] {
  const golden = JSON.parse(readFileSync(join(CHECKPOINTS, name, 'scores.json'), 'utf8')) as {
    cases: Case[];
    pairs: Case[];
  };
  return [...golden.cases, ...golden.pairs];
}

test.each(NAMES)('%s gives the scores of transformers, alone and in a batch to the bit', async (name) => {
  const cases = casesOf(name);
  const embedder = await Embedder.start(name);
  const ask = async ({ input_ids, pair_at }: Case) => (await embedder.embed(input_ids, pair_at)).vector;
  const alone: (Float32Array | null)[] = [];
  for (const one of cases) alone.push(await ask(one));
  alone.forEach((scores, i) => expectClose(scores, cases[i]?.scores ?? []));
  const before = embedder.scheduler.state.forwardCount;
  const together = await Promise.all([...cases, ...cases].map(ask));
  together.forEach((scores, i) => expect(scores).toEqual(alone[i % cases.length]));
  expect(embedder.scheduler.state.forwardCount - before).toBeLessThan(2 * cases.length);
  await embedder.close();
});

test('the second text of a pair is told from the first', async () => {
  const pair = casesOf('bert-reranker').find(({ pair_at }) => pair_at !== null);
  const embedder = await Embedder.start('bert-reranker');
  const told = await embedder.embed(pair?.input_ids ?? [], pair?.pair_at ?? null);
  const untold = await embedder.embed(pair?.input_ids ?? []);
  expect(untold.vector).not.toEqual(told.vector);
  await embedder.close();
});

test('scores go through the function that config.json names', async () => {
  const [first] = casesOf('xlm-roberta-reranker');
  const raw = first?.scores[0] ?? NaN;
  const overrides = { sbert_ce_default_activation_function: 'torch.nn.modules.activation.Sigmoid' };
  const embedder = await Embedder.start('xlm-roberta-reranker', [
    '--json-model-override-args',
    JSON.stringify(overrides),
  ]);
  expectClose((await embedder.embed(first?.input_ids ?? [])).vector, [1 / (1 + Math.exp(-raw))]);
  await embedder.close();
});

test.each([
  [{ sbert_ce_default_activation_function: 'torch.nn.GELU' }, "'GELU' is not supported"],
  [{ id2label: {} }, "'id2label' is empty"],
  [{ id2label: { '0': 5 } }, "'id2label' must name each label with a text"],
  [{ num_labels: 3 }, "tensor 'classifier.out_proj.weight' has shape [1, 32], expected [3, 32]"],
])('refuses a config with %j', async (fields, message) => {
  const flags = ['--json-model-override-args', JSON.stringify(fields)];
  await expect(Embedder.start('xlm-roberta-reranker', flags)).rejects.toThrow(message);
});
