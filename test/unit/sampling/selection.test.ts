import fc from 'fast-check';
import { LogitRow, argmax } from '../../../src/sampling/logit-row';
import { likeliest, rankCut } from '../../../src/sampling/selection';
import {
  KEEP_ALL,
  MASSLESS,
  blockMasses,
  bucketOf,
  drawToken,
  massOf,
  stepsPerLogit,
  stricter,
  type Cut,
} from '../../../src/sampling/token-mass';
import { PLAIN, kept, makeRow, ranked, rowOf, rowSpecs, softmax } from './reference';

const keptBy = (logits: Float32Array, { value, lastIndex }: Cut) =>
  ranked(logits).filter((id) => logits[id]! > value || (logits[id] === value && id <= lastIndex));

describe.each(['true', 'false'])('argmax and LogitRow, own kernels: %s', (use) => {
  beforeAll(() => (process.env['SGLANG_USE_OWN_OPERATORS'] = use));
  afterAll(() => delete process.env['SGLANG_USE_OWN_OPERATORS']);

  it('find the largest logit, the lowest index among equals', () => {
    fc.assert(
      fc.property(rowSpecs, (spec) => {
        const logits = rowOf(spec);
        expect(argmax(logits)).toBe(ranked(logits)[0]);
        expect(new LogitRow(logits).max).toBe(logits[ranked(logits)[0]!]);
      }),
    );
  });

  it.each([0, 1, 255, 256, 599])('notice a NaN at %i', (at) => {
    const logits = makeRow('normal', 600, 1);
    logits[at] = NaN;
    expect(argmax(logits)).toBe(-1);
    expect(new LogitRow(logits).isVoid).toBe(true);
  });

  it('take a row without any possible token as void', () => {
    const logits = new Float32Array(300).fill(-Infinity);
    expect(argmax(logits)).toBe(-1);
    expect(new LogitRow(logits).isVoid).toBe(true);
    logits[299] = -1e30;
    expect(argmax(logits)).toBe(299);
    expect(new LogitRow(logits).isVoid).toBe(false);
  });
});

describe('massOf', () => {
  it('is exp to 2.7e-8, and 0 where it would not count', () => {
    const scale = stepsPerLogit(0.7);
    let worst = 0;
    for (let below = 0; below < 34.8; below += 0.000137) {
      worst = Math.max(worst, Math.abs(massOf(3 - below, 3, scale) / Math.exp(-below / 0.7) - 1));
    }
    expect(worst).toBeLessThan(2.7e-8);
    expect(massOf(0, 0, scale)).toBe(1);
    expect(massOf(-36, 0, scale)).toBe(0);
    expect(massOf(-Infinity, 0, scale)).toBe(0);
  });

  it('goes with buckets that never fall out of order', () => {
    const scale = stepsPerLogit(1);
    const buckets = Array.from({ length: 60_000 }, (_, i) => bucketOf(-i / 1000, 0, scale));
    expect(buckets.every((bucket, i) => i === 0 || bucket >= buckets[i - 1]!)).toBe(true);
    expect([buckets[0], buckets.at(-1)]).toEqual([0, MASSLESS]);
  });
});

describe('rankCut', () => {
  it('keeps what sorting the whole row would keep', () => {
    const topK = fc.oneof(
      fc.constant(Infinity),
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 1, max: 20 }),
    );
    const topP = fc.oneof(fc.constant(1), fc.double({ min: 1e-9, max: 1, noNaN: true }));
    const temperature = fc.constantFrom(1, 0.3, 2, 100);
    fc.assert(
      fc.property(rowSpecs, topK, topP, temperature, (spec, k, p, t) => {
        const logits = rowOf(spec);
        const scale = stepsPerLogit(t);
        const reference = kept(logits, { ...PLAIN, temperature: t, topP: p, topK: k === Infinity ? -1 : k });
        if (reference.margin < 1e-6) return;
        const max = logits[ranked(logits)[0]!]!;
        const possible = (id: number) => massOf(logits[id]!, max, scale) > 0;
        const ids = keptBy(logits, rankCut(new LogitRow(logits), scale, k, p));
        expect(ids.filter(possible).join()).toBe(reference.ids.filter(possible).join());
      }),
      { numRuns: 400 },
    );
  });

  it('cuts inside a run of equal logits by index', () => {
    const row = new LogitRow(new Float32Array(3000).fill(2));
    expect(rankCut(row, stepsPerLogit(1), 700, 1)).toEqual({ value: 2, lastIndex: 699 });
    // The mass before token 1500 is half of the whole, which is not more than half.
    expect(rankCut(row, stepsPerLogit(1), Infinity, 0.5)).toEqual({ value: 2, lastIndex: 1500 });
    expect(rankCut(row, stepsPerLogit(1), 5, 0.5)).toEqual({ value: 2, lastIndex: 4 });
  });

  it('lets top-k decide about tokens that do not move the total', () => {
    const logits = new Float32Array(101).fill(-44);
    logits[7] = 0;
    expect(keptBy(logits, rankCut(new LogitRow(logits), stepsPerLogit(1), 50, 1))).toHaveLength(50);
  });

  it('keeps the likeliest token however small top-p is', () => {
    const logits = makeRow('normal', 1000, 5);
    expect(keptBy(logits, rankCut(new LogitRow(logits), stepsPerLogit(1), Infinity, 1e-12))).toEqual([
      argmax(logits),
    ]);
  });
});

describe('likeliest', () => {
  it('lists what sorting the whole row would list first', () => {
    fc.assert(
      fc.property(rowSpecs, fc.integer({ min: 1, max: 1500 }), (spec, n) => {
        const logits = rowOf(spec);
        expect(likeliest(new LogitRow(logits), n).join()).toBe(ranked(logits).slice(0, n).join());
      }),
    );
  });

  it('finds few among very many', () => {
    const logits = makeRow('peaked', 152_000, 3);
    expect(likeliest(new LogitRow(logits), 50)).toEqual(ranked(logits).slice(0, 50));
  });

  it('does not tell the zeros apart', () => {
    expect(likeliest(new LogitRow(Float32Array.of(-0, 0, -0, 1)), 4)).toEqual([3, 0, 1, 2]);
  });
});

describe('stricter', () => {
  it('keeps what both cuts keep', () => {
    const cut = fc.record({
      value: fc.constantFrom(-Infinity, -2, -1, 0, 1),
      lastIndex: fc.constantFrom(0, 5, Infinity),
    });
    fc.assert(
      fc.property(cut, cut, (a, b) => {
        const logits = makeRow('ties', 30, 1);
        const both = keptBy(logits, a).filter((id) => keptBy(logits, b).includes(id));
        expect(keptBy(logits, stricter(a, b))).toEqual(both);
      }),
    );
  });
});

describe('drawToken', () => {
  it('always finds a kept token that is possible', () => {
    const u = fc.oneof(
      fc.constantFrom(0, 1 - 2 ** -53),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    );
    fc.assert(
      fc.property(rowSpecs, u, fc.integer({ min: 1, max: 50 }), (spec, at, k) => {
        const logits = rowOf(spec);
        const row = new LogitRow(logits);
        const scale = stepsPerLogit(1);
        const possible = (id: number) => massOf(logits[id]!, row.max, scale) > 0;
        expect(possible(drawToken(row, scale, KEEP_ALL, at))).toBe(true);
        const cut = rankCut(row, scale, k, 1);
        expect(keptBy(logits, cut).filter(possible)).toContain(drawToken(row, scale, cut, at));
      }),
      { numRuns: 200 },
    );
  });

  it('adds up the mass of every kept token', () => {
    const logits = makeRow('normal', 2000, 9);
    const probs = softmax(logits, 1);
    const { total } = blockMasses(new LogitRow(logits), stepsPerLogit(1), KEEP_ALL);
    expect(total * Math.max(...probs)).toBeCloseTo(1, 7);
  });
});
