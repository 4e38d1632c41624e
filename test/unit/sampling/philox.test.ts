import { philox4x32, uniform } from '../../../src/sampling/philox';

describe('philox4x32', () => {
  // The known answers that the authors of the generator publish with it.
  it.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [[-1, -1, -1, -1], [-1, -1], '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ],
  ])('gives the published answer for counter %j and key %j', (counter, key, words) => {
    const [a, b, c, d] = counter.map((word) => word >>> 0) as [number, number, number, number];
    const [k0, k1] = key.map((word) => word >>> 0) as [number, number];
    const block = philox4x32([a, b, c, d], [k0, k1]);
    expect(block.map((word) => word.toString(16).padStart(8, '0')).join(' ')).toBe(words);
  });
});

describe('uniform', () => {
  const draws = (seed: number, n: number) => Array.from({ length: n }, (_, i) => uniform(seed, i));

  it('depends on seed and position only, and on all 53 bits of the seed', () => {
    expect(draws(7, 20)).toEqual(draws(7, 20));
    const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    expect(new Set(seeds.flatMap((seed) => draws(seed, 100))).size).toBe(700);
  });

  it('differs between the samples of a seed, the first of which is that of the seed alone', () => {
    const samples = [0, 1, 2, 127].flatMap((sample) =>
      Array.from({ length: 50 }, (_, position) => uniform(7, position, sample)),
    );
    expect(samples.slice(0, 50)).toEqual(draws(7, 50));
    expect(new Set(samples).size).toBe(200);
  });

  it('spreads evenly over [0, 1)', () => {
    for (const seed of [0, 42]) {
      const values = draws(seed, 20_000);
      expect(values.every((u) => u >= 0 && u < 1)).toBe(true);
      const cells = new Array<number>(20).fill(0);
      for (const u of values) cells[Math.floor(u * 20)]! += 1;
      // 19 degrees of freedom: 60 is beyond the 99.999th percentile.
      expect(cells.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(60);
    }
  });
});
