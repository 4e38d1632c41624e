import { stemLength } from '../../../src/tokenizer-manager/generate/stem';
import { scoresOf } from '../../../src/tokenizer-manager/score/score';
import { checkLabels, scoreParts, scorePrompts } from '../../../src/tokenizer-manager/score/score-request';

const LOWEST = -3.4028234663852886e38;
const pairs = (...logprobs: number[]) => logprobs.map((logprob) => [logprob, 1] as const);

describe('scores', () => {
  it('are probabilities', () => {
    expect(scoresOf(pairs(0, Math.log(0.25), LOWEST), false)).toEqual([1, 0.25, 0]);
  });

  it('are shares that add up to 1, whatever they are shares of', () => {
    expect(scoresOf(pairs(-1000, -1000), true)).toEqual([0.5, 0.5]);
    expect(scoresOf(pairs(LOWEST, LOWEST), true)).toEqual([0.5, 0.5]);
    expect(scoresOf(pairs(-5, LOWEST), true)).toEqual([1, 0]);
    expect(scoresOf(pairs(-5), true)).toEqual([1]);
  });
});

describe('prompts', () => {
  it('are query and item as they are, in either order', () => {
    const texts = scoreParts({ query: 'a ', items: ['b', ''] });
    expect(scorePrompts(texts, false)).toEqual({ text: ['a b', 'a '], inputIds: null });
    expect(scorePrompts(texts, true)).toEqual({ text: ['ba ', 'a '], inputIds: null });
    const ids = scoreParts({ query: [1], items: [[2, 3], []] });
    expect(scorePrompts(ids, false)).toEqual({ text: null, inputIds: [[1, 2, 3], [1]] });
    expect(scorePrompts(ids, true)).toEqual({ text: null, inputIds: [[2, 3, 1], [1]] });
    expect(scoreParts({ query: [1], items: [] }).items).toEqual([]);
    expect(scoreParts({ query: 'a', items: 'b' }).items).toEqual(['b']);
  });
});

it('labels are of the vocabulary, and not beyond number', () => {
  expect(checkLabels([0, 9], 10)).toEqual([0, 9]);
  expect(() => checkLabels([10], 10)).toThrow('Token ID 10 is out of vocabulary (vocab size: 10)');
  expect(() => checkLabels(Array<number>(1025).fill(0), 10)).toThrow('at most 1024 entries, got 1025');
});

it('a stem is what all prompts begin with, less the last token, if it is worth a run', () => {
  const prompt = (shared: number, own: number) =>
    Int32Array.from({ length: shared + 3 }, (_, i) => (i < shared ? 5 : own));
  expect(stemLength([prompt(20, 1), prompt(20, 2), prompt(30, 3)])).toBe(20);
  expect(stemLength([prompt(20, 5), prompt(20, 5)])).toBe(22);
  expect(stemLength([prompt(15, 1), prompt(15, 2)])).toBe(0);
  expect(stemLength([prompt(20, 1)])).toBe(0);
  expect(stemLength([])).toBe(0);
});
