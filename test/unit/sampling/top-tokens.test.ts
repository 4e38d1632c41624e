import fc from 'fast-check';
import type { SamplingParams } from '../../../src/core/request';
import type { TopTokens } from '../../../src/core/top-tokens';
import { hasRival } from '../../../src/sampling/logit-row';
import { positionLogprobs } from '../../../src/sampling/logprobs';
import { RequestSampler } from '../../../src/sampling/request-sampler';
import { topHasRival, topLogprobs } from '../../../src/sampling/top-tokens';
import { PLAIN, draw, makeRow, ranked, rowOf, rowSpecs } from './reference';

const NO_IDS = new Int32Array(0);
const COUNT = 64;
const BLOCK = 64;

/** What is told of a row, made the plain way. */
function topOf(logits: Float32Array, temperature: number, u = 0.5, count = COUNT): TopTokens {
  const ids = ranked(logits).slice(0, count);
  const best = logits[ids[0]!]!;
  const masses = logits.map((logit) => Math.exp((logit - best) / temperature));
  const mass = masses.reduce((sum, own) => sum + own, 0);
  let first = 0;
  let before = 0;
  const blockMass = (from: number) => masses.slice(from, from + BLOCK).reduce((sum, own) => sum + own, 0);
  while (first + BLOCK < logits.length && before + blockMass(first) <= u * mass) {
    before += blockMass(first);
    first += BLOCK;
  }
  const drawn = { first, before, masses: masses.slice(first, first + BLOCK) };
  return { ids: Int32Array.from(ids), logits: Float32Array.from(ids, (id) => logits[id]!), mass, drawn };
}

const samplerOf = (params: Partial<SamplingParams>, size: number, seed = 1) =>
  new RequestSampler({ ...PLAIN, ...params }, size, NO_IDS, seed);

const params = fc.record({
  temperature: fc.constantFrom(0, 0.3, 0.7, 1, 1.8),
  topK: fc.constantFrom(-1, 1, 2, 20, 50, 64, 100),
  topP: fc.constantFrom(1, 0.95, 0.8, 0.3, 0.01),
  minP: fc.constantFrom(0, 0.02, 0.2, 1),
});

it('chooses what is chosen from the whole row, or leaves it to that', () => {
  let decided = 0;
  let left = 0;
  fc.assert(
    fc.property(rowSpecs, params, fc.integer({ min: 0, max: 1e6 }), (spec, chosen, seed) => {
      const logits = rowOf(spec);
      const sampler = samplerOf(chosen, logits.length, seed);
      const u = sampler.uniform();
      const top = topOf(logits, sampler.logprobTemperature, u);
      if (!sampler.decides(top)) {
        left += 1;
        return;
      }
      // Sums are in another order: where that decides, either may be right.
      if (!sampler.greedy && draw(logits, { ...PLAIN, ...chosen }, u).margin < 1e-5) return;
      decided += 1;
      expect(sampler.choose(top)).toBe(sampler.sample(logits.slice()));
    }),
    { numRuns: 1200 },
  );
  expect(decided).toBeGreaterThan(200);
  expect(left).toBeGreaterThan(40);
});

describe('is left to the whole row', () => {
  const row = makeRow('peaked', 3000, 5);
  const decides = (chosen: Partial<SamplingParams>, top: TopTokens, size = 3000) =>
    samplerOf(chosen, size).decides(top);

  it('what is shaped', () => {
    for (const chosen of [
      { topK: 5, frequencyPenalty: 1 },
      { temperature: 0, minNewTokens: 3 },
    ]) {
      expect(samplerOf({ stopTokenIds: [1], ...chosen }, 3000).mayTakeTop).toBe(false);
    }
    expect(samplerOf({ topK: 5 }, 3000).mayTakeTop).toBe(true);
  });

  it('a draw that rounding has put behind the last block', () => {
    const drawn = { before: 0, first: 0, masses: new Float32Array(BLOCK) };
    const top = topOf(row, 1, samplerOf({}, 3000).uniform());
    expect(decides({}, top)).toBe(true);
    expect(decides({}, { ...top, drawn })).toBe(false);
  });

  it('a row that holds NaN, infinity, or nothing', () => {
    const good = topOf(row, 1);
    for (const mass of [NaN, Infinity, 0]) {
      expect(decides({ topK: 5 }, { ...good, mass })).toBe(false);
      expect(decides({ temperature: 0 }, { ...good, mass })).toBe(false);
    }
  });

  it('more tokens than are told, and equals of the last of them', () => {
    const top = topOf(row, 1);
    expect(decides({ topK: COUNT }, top)).toBe(false);
    expect(decides({ topK: COUNT - 1 }, top)).toBe(true);
    const flat = topOf(new Float32Array(3000), 1);
    expect(decides({ temperature: 0 }, flat)).toBe(false);
    expect(decides({ topK: 2 }, flat)).toBe(false);
    expect(decides({ topP: 0.5 }, flat)).toBe(false);
  });

  it('unless all tokens are told', () => {
    const small = topOf(Float32Array.of(1, 1, 1), 1);
    expect(decides({ topK: 2 }, small, 3)).toBe(true);
    expect(decides({ topP: 0.99 }, small, 3)).toBe(true);
    expect(samplerOf({ temperature: 0 }, 3).choose(small)).toBe(0);
  });
});

it('says the log-probabilities and the rivals that the whole row does', () => {
  const row = makeRow('peaked', 3000, 8);
  const top = topOf(row, 0.7);
  const token = top.ids[3]!;
  const whole = positionLogprobs(row, token, { topNum: 5, tokenIds: null }, 0.7);
  const front = topLogprobs(top, token, 5, 0.7);
  expect(front.token[1]).toBe(token);
  expect(front.token[0]).toBeCloseTo(whole.token[0]!, 6);
  expect(front.top?.map(([, id]) => id)).toEqual(whole.top?.map(([, id]) => id));
  expect(topLogprobs(top, token, 0, 0.7).top).toBeNull();
  const far = top.drawn.first + 5;
  const expected = positionLogprobs(row, far, { topNum: 0, tokenIds: null }, 0.7).token;
  expect(topLogprobs(top, far, 0, 0.7).token[0]).toBeCloseTo(expected[0]!, 4);
  expect(() => topLogprobs(top, 3001, 0, 0.7)).toThrow('not among those told');
  for (const rounding of [1e-4, 0.1, 1]) {
    expect(topHasRival(top, rounding)).toBe(hasRival(row, top.ids[0]!, rounding));
  }
});
