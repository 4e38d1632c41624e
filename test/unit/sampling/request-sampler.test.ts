import fc from 'fast-check';
import type { SamplingParams } from '../../../src/core/request';
import { RequestSampler } from '../../../src/sampling/request-sampler';
import { uniform } from '../../../src/sampling/philox';
import { PLAIN, draw, kept, makeRow, ranked, rowOf, rowSpecs, shaped, softmax } from './reference';

const NO_IDS = new Int32Array(0);
const samplerOf = (params: Partial<SamplingParams>, size: number, seed = 1, prompt = NO_IDS) =>
  new RequestSampler({ ...PLAIN, ...params }, size, prompt, seed);

/** Draws `n` tokens from copies of one row, each observed before the next. */
function sequence(sampler: RequestSampler, logits: Float32Array, n: number): number[] {
  return Array.from({ length: n }, () => {
    const id = sampler.sample(logits.slice());
    sampler.observe(id);
    return id;
  });
}

describe('greedy', () => {
  it.each([{ temperature: 0 }, { temperature: 9e-7 }, { topK: 1 }, { topP: 1e-12 }, { minP: 1 }])(
    'takes the likeliest token with %j',
    (params) => {
      const logits = makeRow('peaked', 3000, 11);
      const sampler = samplerOf(params, 3000);
      for (const id of sequence(sampler, logits, 20)) expect(id).toBe(ranked(logits)[0]);
    },
  );

  it('takes the lowest of equal ids at temperature 0 and at top-k 1', () => {
    const logits = Float32Array.of(0, 3, 1, 3, 3);
    expect(samplerOf({ temperature: 0 }, 5).sample(logits.slice())).toBe(1);
    expect(samplerOf({ topK: 1 }, 5).sample(logits.slice())).toBe(1);
  });

  it('says which temperature log-probabilities have', () => {
    expect(samplerOf({ temperature: 0.5 }, 5).logprobTemperature).toBe(0.5);
    expect(samplerOf({ temperature: 0 }, 5).logprobTemperature).toBe(1);
    expect(samplerOf({ temperature: 0.5, topK: 1 }, 5).logprobTemperature).toBe(1);
  });
});

describe('rows that say nothing, or too much', () => {
  it.each([{ temperature: 0 }, {}, { topK: 3 }, { topP: 0.5 }, { minP: 0.5 }])(
    'gives -1 for a void row with %j',
    (params) => {
      const sampler = samplerOf(params, 4);
      expect(sampler.sample(Float32Array.of(1, NaN, 2, 3))).toBe(-1);
      expect(sampler.sample(new Float32Array(4).fill(NaN))).toBe(-1);
      expect(sampler.sample(new Float32Array(4).fill(-Infinity))).toBe(-1);
      expect(sampler.sample(Float32Array.of(1, Infinity, 2, Infinity))).toBe(1);
      expect(sampler.sample(Float32Array.of(-Infinity, -Infinity, 5, -Infinity))).toBe(2);
    },
  );

  it('refuses a row of another length', () => {
    expect(() => samplerOf({}, 4).sample(new Float32Array(5))).toThrow('a row of 5 logits');
  });
});

describe('shaping', () => {
  const id = fc.nat(19);
  const params = fc.record({
    temperature: fc.constantFrom(0, 1),
    frequencyPenalty: fc.constantFrom(0, 0.5, -2, 2),
    presencePenalty: fc.constantFrom(0, 0.25, -2, 2),
    repetitionPenalty: fc.constantFrom(1, 0.5, 1.1, 2),
    minNewTokens: fc.constantFrom(0, 3),
    stopTokenIds: fc.array(id, { maxLength: 3 }),
    logitBias: fc.uniqueArray(fc.tuple(id, fc.constantFrom(-100, -1.5, 0.1, 100)), {
      selector: ([token]) => token,
      maxLength: 3,
    }),
  });

  it('leaves the row as the rules say, one after the other', () => {
    fc.assert(
      fc.property(
        params,
        fc.array(id, { maxLength: 8 }),
        fc.array(id, { maxLength: 8 }),
        fc.nat(),
        (p, prompt, output, seed) => {
          const logits = makeRow('normal', 20, seed);
          const expected = shaped(logits, { ...PLAIN, ...p }, Int32Array.from(prompt), output);
          const sampler = samplerOf(p, 20, 1, Int32Array.from(prompt));
          for (const token of output) sampler.observe(token);
          sampler.sample(logits);
          expect(logits).toEqual(expected);
        },
      ),
    );
  });

  it('keeps stop tokens from being drawn until enough tokens exist', () => {
    const logits = Float32Array.of(0, 50, 0, 49);
    const sampler = samplerOf({ temperature: 0, minNewTokens: 2, stopTokenIds: [1] }, 4);
    expect(sequence(sampler, logits, 4)).toEqual([3, 3, 1, 1]);
  });

  it('penalizes tokens of the prompt for repetition only', () => {
    const logits = Float32Array.of(2, 1.5);
    const prompt = Int32Array.of(0);
    expect(
      samplerOf({ temperature: 0, presencePenalty: 2, frequencyPenalty: 2 }, 2, 1, prompt).sample(
        logits.slice(),
      ),
    ).toBe(0);
    expect(samplerOf({ temperature: 0, repetitionPenalty: 1.5 }, 2, 1, prompt).sample(logits.slice())).toBe(
      1,
    );
  });
});

describe('drawing', () => {
  it('draws the token that the plain way draws', () => {
    const params = fc.record({
      temperature: fc.constantFrom(1, 0.6, 1.7, 20),
      topK: fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 60, max: 1500 })),
      topP: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 0.999, noNaN: true })),
      minP: fc.oneof(fc.constant(0), fc.constant(1), fc.double({ min: 0.001, max: 0.9, noNaN: true })),
    });
    let decided = 0;
    fc.assert(
      fc.property(params, rowSpecs, (p, spec) => {
        const logits = rowOf(spec);
        const reference = draw(logits, { ...PLAIN, ...p }, uniform(spec.seed, 0));
        if (reference.margin < 1e-6) return;
        decided++;
        expect(samplerOf(p, spec.size, spec.seed).sample(logits)).toBe(reference.id);
      }),
      { numRuns: 500 },
    );
    expect(decided).toBeGreaterThan(300);
  });

  it('repeats itself with the seed, position by position, and differs without', () => {
    const logits = makeRow('normal', 500, 2);
    const first = sequence(samplerOf({}, 500, 77), logits, 40);
    expect(sequence(samplerOf({}, 500, 77), logits, 40)).toEqual(first);
    expect(sequence(samplerOf({}, 500, 78), logits, 40)).not.toEqual(first);
    // As after a retraction that lost the sampler: the tokens so far are told again.
    const again = samplerOf({}, 500, 77);
    for (const id of first.slice(0, 25)) again.observe(id);
    expect(sequence(again, logits, 15)).toEqual(first.slice(25));
    // Sampling a position twice gives the same token twice.
    expect(again.sample(logits.slice())).toBe(again.sample(logits.slice()));
  });

  it('does not depend on what other requests draw in between', () => {
    const logits = makeRow('normal', 500, 2);
    const alone = sequence(samplerOf({ topP: 0.8, frequencyPenalty: 1 }, 500, 5), logits, 20);
    const [a, b] = [samplerOf({ topP: 0.8, frequencyPenalty: 1 }, 500, 5), samplerOf({ topK: 30 }, 500, 6)];
    const together = Array.from({ length: 20 }, () => {
      sequence(b, logits, 1);
      return sequence(a, logits, 1)[0];
    });
    expect(together).toEqual(alone);
  });

  it.each([
    {},
    { temperature: 0.5 },
    { temperature: 2, topK: 5 },
    { topP: 0.8 },
    { minP: 0.2 },
    { temperature: 1.5, topK: 6, topP: 0.9, minP: 0.1 },
  ])('follows the distribution with %j', (params) => {
    const logits = Float32Array.of(1, -0.5, 2, 0.3, 1.7, -3, 0.9, 1.2);
    const full = { ...PLAIN, ...params };
    const { ids } = kept(logits, full);
    const probs = softmax(logits, full.temperature);
    const total = ids.reduce((sum, id) => sum + probs[id]!, 0);
    const n = 20_000;
    const counts = new Array<number>(8).fill(0);
    for (const id of sequence(samplerOf(params, 8, 1234), logits, n)) counts[id]! += 1;
    let chiSquare = 0;
    counts.forEach((count, id) => {
      if (!ids.includes(id)) return expect(count).toBe(0);
      const expected = (n * probs[id]!) / total;
      chiSquare += (count - expected) ** 2 / expected;
    });
    // At most 7 degrees of freedom: 36 is beyond the 99.999th percentile.
    expect(chiSquare).toBeLessThan(36);
  });

  it('spreads equal logits evenly over a large vocabulary', () => {
    const logits = new Float32Array(1000).fill(-7);
    const cells = new Array<number>(10).fill(0);
    for (const id of sequence(samplerOf({ topP: 0.5 }, 1000, 3), logits, 5000))
      cells[Math.floor(id / 50.1)]! += 1;
    // Ids 0 to 500 are kept, ten cells of fifty.
    expect(cells.reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0)).toBeLessThan(40);
  });
});
