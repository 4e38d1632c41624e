import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer } from '../../src/tokenizer/tokenizer';
import { Embedder, expectClose } from './embedder';
import { SHIPPED } from './support';

/** The shipped models of vectors and scores give texts the tokens and values of the reference that made their golden records. */
interface VectorCase {
  readonly text: string;
  readonly input_ids: readonly number[];
  readonly vector: readonly number[];
}

interface PairCase {
  readonly query: string;
  readonly document: string;
  readonly input_ids: readonly number[];
  readonly token_type_ids: readonly number[];
  readonly logit: number;
}

interface RewardCase {
  readonly prompt: string;
  readonly input_ids: readonly number[];
  readonly reward: number;
}

const folderOf = (name: string): string => join(SHIPPED, name);

function casesOf<Case>(name: string): readonly Case[] {
  const golden = JSON.parse(readFileSync(join(__dirname, 'golden', `${name}.json`), 'utf8')) as {
    cases: Case[];
  };
  return golden.cases;
}

test('demo-embed: texts have the reference’s tokens and vectors, alone and in a batch', async () => {
  const cases = casesOf<VectorCase>('demo-embed');
  expect(cases.length).toBeGreaterThanOrEqual(8);
  const tokenizer = await loadTokenizer(folderOf('demo-embed'));
  for (const { text, input_ids } of cases) expect(tokenizer.encode(text)).toEqual(input_ids);
  const embedder = await Embedder.start(folderOf('demo-embed'));
  for (const { input_ids, vector } of cases) expectClose((await embedder.embed(input_ids)).vector, vector);
  const together = await Promise.all(cases.map(({ input_ids }) => embedder.embed(input_ids)));
  together.forEach(({ vector }, i) => expectClose(vector, cases[i]?.vector ?? []));
  await embedder.close();
});

test('demo-rerank: pairs have the reference’s tokens and scores, alone and in a batch', async () => {
  const cases = casesOf<PairCase>('demo-rerank');
  expect(cases.length).toBeGreaterThanOrEqual(8);
  const tokenizer = await loadTokenizer(folderOf('demo-rerank'));
  const embedder = await Embedder.start(folderOf('demo-rerank'));
  const asked = cases.map(({ query, document, input_ids, token_type_ids, logit }) => {
    const { ids, pairAt } = tokenizer.encodePair(query, document);
    expect(ids).toEqual(input_ids);
    expect(pairAt).toBe(token_type_ids.indexOf(1));
    return { ids, pairAt, logit };
  });
  for (const { ids, pairAt, logit } of asked)
    expectClose((await embedder.embed(ids, pairAt)).vector, [logit]);
  const together = await Promise.all(asked.map(({ ids, pairAt }) => embedder.embed(ids, pairAt)));
  together.forEach(({ vector }, i) => expectClose(vector, [asked[i]?.logit ?? NaN]));
  await embedder.close();
});

test('demo-reward: conversations have the reference’s tokens and rewards, alone and in a batch', async () => {
  const cases = casesOf<RewardCase>('demo-reward');
  expect(cases.length).toBeGreaterThanOrEqual(6);
  const tokenizer = await loadTokenizer(folderOf('demo-reward'));
  const embedder = await Embedder.start(folderOf('demo-reward'), ['--is-embedding']);
  for (const { prompt, input_ids, reward } of cases) {
    expect(tokenizer.encode(prompt)).toEqual(input_ids);
    expectClose((await embedder.embed(input_ids)).vector, [reward]);
  }
  const together = await Promise.all(cases.map(({ input_ids }) => embedder.embed(input_ids)));
  together.forEach(({ vector }, i) => expectClose(vector, [cases[i]?.reward ?? NaN]));
  await embedder.close();
});
