import fc from 'fast-check';
import type { TokenLogprob } from '../../../src/core/request';
import { positionLogprobs } from '../../../src/sampling/logprobs';
import { makeRow, ranked, rowOf, rowSpecs } from './reference';

const LOWEST = -3.4028234663852886e38;
const NOTHING = { topNum: 0, tokenIds: null };

function reference(logits: Float32Array, temperature: number): number[] {
  const max = logits.reduce((most, logit) => Math.max(most, logit));
  const total = logits.reduce((sum, logit) => sum + Math.exp((logit - max) / temperature), 0);
  return Array.from(logits, (logit) => Math.max(LOWEST, (logit - max) / temperature - Math.log(total)));
}

/** The pairs name these ids, in this order, with the right log-probabilities. */
function expectPairs(pairs: readonly TokenLogprob[], ids: readonly number[], expected: number[]): void {
  expect(pairs.map(([, id]) => id).join()).toBe(ids.join());
  const errors = pairs.map(([logprob, id]) => Math.abs(logprob! - expected[id]!));
  expect(Math.max(0, ...errors)).toBeLessThanOrEqual(1e-7);
}

describe('positionLogprobs', () => {
  it('agrees with a plain log-softmax', () => {
    fc.assert(
      fc.property(rowSpecs, fc.constantFrom(1, 0.3, 2.5), fc.nat(1500), (spec, temperature, topNum) => {
        const logits = rowOf(spec);
        const { size, seed } = spec;
        const expected = reference(logits, temperature);
        const tokenIds = [size - 1, 0, seed % size];
        const { token, top, chosen } = positionLogprobs(
          logits,
          seed % size,
          { topNum, tokenIds },
          temperature,
        );
        expectPairs([token], [seed % size], expected);
        expectPairs(chosen!, tokenIds, expected);
        expectPairs(top ?? [], ranked(logits).slice(0, topNum), expected);
      }),
      { numRuns: 150 },
    );
  });

  it('gives null for what was not asked', () => {
    const logits = Float32Array.of(0, 0);
    expect(positionLogprobs(logits, 1, NOTHING)).toEqual({
      token: [expect.closeTo(-Math.LN2, 7), 1],
      top: null,
      chosen: null,
    });
    const { token, chosen } = positionLogprobs(logits, null, { topNum: 0, tokenIds: [] });
    expect(token).toEqual([null, -1]);
    expect(chosen).toEqual([]);
  });

  it('says a finite number for impossible tokens', () => {
    const { token, chosen } = positionLogprobs(Float32Array.of(1, -Infinity), 0, {
      topNum: 0,
      tokenIds: [1],
    });
    expect(token[0]).toBeCloseTo(0, 12);
    expect(chosen).toEqual([[LOWEST, 1]]);
  });

  it('gives an infinite logit everything', () => {
    const { top } = positionLogprobs(Float32Array.of(1, Infinity, -Infinity), 1, {
      topNum: 3,
      tokenIds: null,
    });
    expect(top).toEqual([
      [0, 1],
      [LOWEST, 0],
      [LOWEST, 2],
    ]);
  });

  it('has no log-probabilities for a row that says nothing', () => {
    const void_ = { token: [null, 1], top: null, chosen: null };
    expect(positionLogprobs(Float32Array.of(1, NaN), 1, { topNum: 2, tokenIds: [0] })).toEqual(void_);
    expect(positionLogprobs(Float32Array.of(-Infinity, -Infinity), 1, { topNum: 2, tokenIds: [0] })).toEqual(
      void_,
    );
  });

  it('is accurate over a large vocabulary, and leaves the row alone', () => {
    const logits = makeRow('normal', 152_000, 4);
    const before = logits.slice();
    const expected = reference(logits, 1);
    const { token, top } = positionLogprobs(logits, 151_999, { topNum: 1500, tokenIds: null });
    expectPairs([token], [151_999], expected);
    expectPairs(top!, ranked(logits).slice(0, 1500), expected);
    expect(logits).toEqual(before);
  });

  it('refuses ids outside the vocabulary', () => {
    expect(() => positionLogprobs(Float32Array.of(1, 2), 2, NOTHING)).toThrow('token 2 of a vocabulary of 2');
    expect(() => positionLogprobs(Float32Array.of(1, 2), 0, { topNum: 0, tokenIds: [-1] })).toThrow(
      'token -1',
    );
  });
});
