import fc from 'fast-check';
import { bestDraft, withinTurn, type DraftOdds } from '../../../../src/scheduler/speculation/draft-policy';

/** A model whose step takes 10 ms, and 1 ms more for each further token of a run; one request at a time. */
const odds = (more: Partial<DraftOdds>): DraftOdds => ({
  chance: () => 0.9,
  most: 11,
  known: 1,
  runMs: (tokens) => 9 + tokens,
  batchRate: 1 / 10,
  ...more,
});

test('drafts as much as it can of what is sure', () => {
  expect(bestDraft(odds({ chance: () => 1 }))).toEqual({ length: 11, rate: 12 / 21 });
});

test('drafts the less, the less sure it is, and then nothing', () => {
  const lengths = [0.95, 0.8, 0.6, 0.4, 0.15].map(
    (chance) => bestDraft(odds({ chance: () => chance })).length,
  );
  expect(lengths).toEqual([...lengths].sort((a, b) => b - a));
  expect(lengths[0]).toBeGreaterThan(8);
  expect(lengths.at(-1)).toBe(0);
});

test('drafts nothing where a batch of many gives more', () => {
  // Sixteen requests in 20 ms; a run of one gives 12 tokens in 21 ms at best.
  expect(bestDraft(odds({ chance: () => 1, batchRate: 16 / 20 })).length).toBe(0);
  expect(bestDraft(odds({ chance: () => 1, batchRate: 3 / 20 })).length).toBe(11);
});

test('drafts nothing where tokens of a run cost what steps cost', () => {
  expect(bestDraft(odds({ chance: () => 0.99, runMs: (tokens) => tokens * 10 })).length).toBe(0);
});

test('never promises less than the batch, and never drafts more than there is', () => {
  const chances = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(
      chances,
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      (list, most, growth) => {
        const asked = odds({ chance: (i) => list[i] ?? 0, most, runMs: (tokens) => 10 + growth * tokens });
        const { length, rate } = bestDraft(asked);
        expect(length).toBeLessThanOrEqual(most);
        expect(rate).toBeGreaterThanOrEqual(asked.batchRate);
        if (length > 0) expect(rate).toBeGreaterThan(asked.batchRate * 1.05);
      },
    ),
  );
});

test('a turn takes the most promising, as long as the batch took', () => {
  const [slow, fast, middle] = [
    { rate: 0.1, ms: 10 },
    { rate: 0.9, ms: 10 },
    { rate: 0.5, ms: 10 },
  ];
  expect(withinTurn([slow, fast, middle], 25)).toEqual([fast, middle]);
  expect(withinTurn([slow, fast, middle], 5)).toEqual([fast]);
  expect(withinTurn([slow, fast, middle], 30)).toEqual([fast, middle, slow]);
  expect(withinTurn([], 30)).toEqual([]);
});
