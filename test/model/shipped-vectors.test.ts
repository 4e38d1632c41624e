import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer } from '../../src/tokenizer/tokenizer';
import { Embedder, expectClose } from './embedder';
import { SHIPPED } from './support';

/** The shipped embedding model gives texts the tokens and vectors of the reference that made its golden record. */
interface VectorCase {
  readonly text: string;
  readonly input_ids: readonly number[];
  readonly vector: readonly number[];
}

const FOLDER = join(SHIPPED, 'demo-embed');

function casesOf(name: string): readonly VectorCase[] {
  const golden = JSON.parse(readFileSync(join(__dirname, 'golden', `${name}.json`), 'utf8')) as {
    cases: VectorCase[];
  };
  return golden.cases;
}

test('demo-embed: texts have the reference’s tokens and vectors, alone and in a batch', async () => {
  const cases = casesOf('demo-embed');
  expect(cases.length).toBeGreaterThanOrEqual(8);
  const tokenizer = await loadTokenizer(FOLDER);
  for (const { text, input_ids } of cases) expect(tokenizer.encode(text)).toEqual(input_ids);
  const embedder = await Embedder.start(FOLDER);
  for (const { input_ids, vector } of cases) expectClose((await embedder.embed(input_ids)).vector, vector);
  const together = await Promise.all(cases.map(({ input_ids }) => embedder.embed(input_ids)));
  together.forEach(({ vector }, i) => expectClose(vector, cases[i]?.vector ?? []));
  await embedder.close();
});
