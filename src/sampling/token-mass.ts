import { bug } from '../core/errors';
import { BLOCK, type LogitRow } from './logit-row';

/**
 * The unnormalized probability ("mass") of a token is exp((logit − max) / temperature): 1 for the likeliest.
 *
 * `Math.exp` over a vocabulary of 150,000 takes longer than a row may, so exponents are counted in steps of 1/64 of a
 * power of two: a table gives the whole steps, and 1 + r + r²/2 the rest, |r| ≤ ln 2 / 128. The relative error is below
 * 2.7e-8, less than that of a float32 softmax. Masses under 2⁻⁷² are taken as 0: a million of them would not move the
 * sum in double precision.
 *
 * Every function here adds in index order, so that results depend on the row alone.
 */
const STEPS_PER_OCTAVE = 64;
const NATS_PER_STEP = Math.LN2 / STEPS_PER_OCTAVE;
/** Logits this many steps below the largest, or more, have no mass. */
const LIMIT = 72 * STEPS_PER_OCTAVE;
const POWERS = Float64Array.from({ length: LIMIT + 1 }, (_, step) => 2 ** (-step / STEPS_PER_OCTAVE));

/**
 * Buckets of a histogram are four steps wide, best first, so that its counters stay in the processor's nearest cache.
 * This one, the last, holds all tokens without mass.
 */
export const MASSLESS = (LIMIT >> 2) + 1;

/** Steps for one unit of logit at a temperature (> 0). */
export function stepsPerLogit(temperature: number): number {
  return 1 / (NATS_PER_STEP * temperature);
}

/** exp of minus `steps` steps; 0 ≤ steps < LIMIT. */
function powerOf(steps: number): number {
  const whole = (steps + 0.5) | 0;
  const rest = (whole - steps) * NATS_PER_STEP;
  return POWERS[whole]! * (1 + rest + 0.5 * rest * rest);
}

export function massOf(logit: number, max: number, scale: number): number {
  const steps = (max - logit) * scale;
  return steps < LIMIT ? powerOf(steps) : 0;
}

/** Never larger for a larger logit. */
export function bucketOf(logit: number, max: number, scale: number): number {
  const steps = (max - logit) * scale;
  return steps < LIMIT ? ((steps + 0.5) | 0) >> 2 : MASSLESS;
}

/** Tokens by bucket. */
export class Histogram {
  /** Count and mass of each bucket, next to each other: one bucket is one place in memory. */
  private readonly pairs = new Float64Array(2 * MASSLESS);

  constructor({ logits, max }: LogitRow, scale: number) {
    const { pairs } = this;
    for (let i = 0; i < logits.length; i++) {
      const steps = (max - logits[i]!) * scale;
      if (steps < LIMIT) {
        const at = 2 * (((steps + 0.5) | 0) >> 2);
        pairs[at]! += 1;
        pairs[at + 1]! += powerOf(steps);
      }
    }
  }

  /** Tokens in a bucket other than `MASSLESS`. */
  count(bucket: number): number {
    return this.pairs[2 * bucket]!;
  }

  mass(bucket: number): number {
    return this.pairs[2 * bucket + 1]!;
  }

  get totalMass(): number {
    let total = 0;
    for (let bucket = 0; bucket < MASSLESS; bucket++) total += this.mass(bucket);
    return total;
  }
}

/**
 * Where the order of tokens (larger logit first, lower index first among equals) is cut off: a token is kept if its
 * logit is above `value`, or equal to it and its index at most `lastIndex`.
 */
export interface Cut {
  readonly value: number;
  readonly lastIndex: number;
}

export const KEEP_ALL: Cut = { value: -Infinity, lastIndex: Infinity };

function isKept(logit: number, index: number, { value, lastIndex }: Cut): boolean {
  return logit > value || (logit === value && index <= lastIndex);
}

/** The cut that keeps what both keep. */
export function stricter(a: Cut, b: Cut): Cut {
  if (a.value !== b.value) return a.value > b.value ? a : b;
  return a.lastIndex < b.lastIndex ? a : b;
}

/** The mass of each block's kept tokens, and of all. */
export function blockMasses(row: LogitRow, scale: number, cut: Cut): { masses: Float64Array; total: number } {
  const masses = new Float64Array(row.blockMax.length);
  let total = 0;
  for (let block = 0; block < masses.length; block++) {
    if (row.blockMax[block]! < cut.value) continue;
    const mass = cut === KEEP_ALL ? massOfBlock(row, block, scale) : massOfKept(row, block, scale, cut);
    masses[block] = mass;
    total += mass;
  }
  return { masses, total };
}

function massOfBlock({ logits, max }: LogitRow, block: number, scale: number): number {
  const end = Math.min(logits.length, (block + 1) * BLOCK);
  let mass = 0;
  for (let i = block * BLOCK; i < end; i++) {
    const steps = (max - logits[i]!) * scale;
    if (steps < LIMIT) mass += powerOf(steps);
  }
  return mass;
}

/** As `massOfBlock`, of the kept tokens only. */
function massOfKept({ logits, max }: LogitRow, block: number, scale: number, cut: Cut): number {
  const end = Math.min(logits.length, (block + 1) * BLOCK);
  let mass = 0;
  for (let i = block * BLOCK; i < end; i++) {
    if (isKept(logits[i]!, i, cut)) mass += massOf(logits[i]!, max, scale);
  }
  return mass;
}

/**
 * Draws a kept token: the first in index order at which the sum of masses passes `u` of the total.
 * @param u in [0, 1)
 */
export function drawToken(row: LogitRow, scale: number, cut: Cut, u: number): number {
  const { logits, max } = row;
  const { masses, total } = blockMasses(row, scale, cut);
  const target = u * total;
  let before = 0;
  for (let block = 0; block < masses.length; block++) {
    if (before + masses[block]! <= target) {
      before += masses[block]!;
      continue;
    }
    // The very sums of `blockMasses`, so that the block's last kept token passes the target at the latest.
    let mass = 0;
    for (let i = block * BLOCK; i < logits.length; i++) {
      if (isKept(logits[i]!, i, cut)) mass += massOf(logits[i]!, max, scale);
      if (before + mass > target) return i;
    }
  }
  throw bug(`no token at ${u} of a mass of ${total}`);
}
