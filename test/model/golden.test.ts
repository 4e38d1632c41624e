import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  CHECKPOINTS,
  Engine,
  SHARED,
  SHIPPED,
  describeWith,
  readGolden,
  type GoldenCase,
  type Result,
} from './support';

/**
 * The models compute what a reference implementation computed on the same weights: exact greedy ids, log-probabilities
 * to a thousandth, of the prompt as well, with and without chunks. Those of tokens that hardly can be, below -10, to a ten-thousandth of
 * themselves: they are differences of large logits, and rounding of float32 shows.
 */
const TOLERANCE = 1e-3;
const TOLERANCE_OF_VALUE = 1e-4;

function reproduces(folder: string, golden: string): void {
  describe.each([['whole'], ['in chunks of 16'], ['without own operators']])('%s', (mode) => {
    let engine: Engine;

    beforeAll(async () => {
      const chunk = mode === 'whole' ? '-1' : '16';
      process.env['SGLANG_USE_OWN_OPERATORS'] = String(mode !== 'without own operators');
      engine = await Engine.start(folder, ['--chunked-prefill-size', chunk, '--max-total-tokens', '4096']);
      delete process.env['SGLANG_USE_OWN_OPERATORS'];
    });
    afterAll(() => engine.close());

    it.each(readGolden(golden).map((entry, index) => [index, entry] as const))(
      'case %i',
      async (_, entry) => {
        const result = await engine.generate({
          prompt: entry.input_ids,
          sampling: { maxNewTokens: entry.greedy_ids.length },
          logprobs: { startLen: 0, topNum: 2, tokenIds: null },
        });
        expect(result.ids).toEqual(entry.greedy_ids);
        expectClose(
          result.outputLogprobs.map(({ token }) => token[0]),
          entry.greedy_logprobs,
        );
        expect(result.inputLogprobs.map(({ token }) => token[1])).toEqual(entry.input_ids);
        expectClose(
          result.inputLogprobs.map(({ token }) => token[0]),
          entry.input_token_logprobs,
        );
        // Greedy: the chosen token is the likeliest.
        result.outputLogprobs.forEach(({ token, top }) => expect(top?.[0]).toEqual(token));
      },
    );

    it('gives the same bits to all cases together as to each alone', async () => {
      const generate = (entry: GoldenCase) =>
        engine.generate({
          prompt: entry.input_ids,
          sampling: { maxNewTokens: entry.greedy_ids.length },
          logprobs: { startLen: entry.input_ids.length, topNum: 0, tokenIds: null },
        });
      const cases = readGolden(golden);
      const alone = [];
      for (const entry of cases) alone.push(await generate(entry));
      const together = await Promise.all([...cases, ...cases].map(generate));
      const sampled = ({ ids, outputLogprobs }: Result) => ({ ids, outputLogprobs });
      expect(together.map(sampled)).toEqual([...alone, ...alone].map(sampled));
    });
  });
}

function expectClose(actual: readonly (number | null)[], expected: readonly (number | null)[]): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, index) => {
    if (value === null) expect(actual[index]).toBeNull();
    else {
      const tolerance = Math.max(TOLERANCE, TOLERANCE_OF_VALUE * Math.abs(value));
      expect(Math.abs((actual[index] ?? NaN) - value)).toBeLessThan(tolerance);
    }
  });
}

const stories = join(SHARED, 'models', 'stories260k');
describeWith(stories, 'stories260k', () => reproduces(stories, join(stories, 'golden.json')));

// Its MLPs copied into experts, which mix to what the one MLP gives; and the same with noise, which do not.
const identical = join(SHARED, 'models', 'stories260k-moe-identical');
describeWith(identical, 'identical experts', () => reproduces(identical, join(stories, 'golden.json')));
const noisy = join(SHARED, 'models', 'stories260k-moe-noisy');
describeWith(noisy, 'experts with noise', () => reproduces(noisy, join(noisy, 'golden.json')));

for (const name of existsSync(SHIPPED) ? readdirSync(SHIPPED) : []) {
  const golden = join(__dirname, 'golden', `${name}.json`);
  // Models that give vectors or scores have records of another form.
  if (existsSync(golden) && readGolden(golden).every((entry) => 'greedy_ids' in entry)) {
    describe(`the shipped ${name}`, () => reproduces(join(SHIPPED, name), golden));
  }
}

for (const name of existsSync(CHECKPOINTS) ? readdirSync(CHECKPOINTS) : []) {
  const folder = join(CHECKPOINTS, name);
  if (existsSync(join(folder, 'golden.json'))) {
    describe(name, () => reproduces(folder, join(folder, 'golden.json')));
  }
}
