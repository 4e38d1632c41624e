import fc from 'fast-check';
import type { SamplingParams } from '../../../src/core/request';

/** The plain, slow way to do what the sampler does: sort everything, `Math.exp` of everything. */

export const PLAIN: SamplingParams = {
  maxNewTokens: 100,
  minNewTokens: 0,
  stopTokenIds: [],
  temperature: 1,
  topP: 1,
  topK: -1,
  minP: 0,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repetitionPenalty: 1,
  logitBias: [],
  seed: null,
  grammar: null,
};

/** Token ids, likeliest first, the lower id first among equals. */
export function ranked(logits: Float32Array): number[] {
  return Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
}

export function softmax(logits: Float32Array, temperature: number): number[] {
  const max = logits.reduce((most, logit) => Math.max(most, logit));
  const masses = Array.from(logits, (logit) => Math.exp((logit - max) / temperature));
  const total = masses.reduce((sum, mass) => sum + mass);
  return masses.map((mass) => mass / total);
}

export interface Kept {
  /** Ids that may be drawn, in rank order. */
  readonly ids: number[];
  /** How near the decision about any token was, as a probability; below 1e-6 rounding may decide otherwise. */
  readonly margin: number;
}

export function kept(logits: Float32Array, params: SamplingParams): Kept {
  const probs = softmax(logits, params.temperature);
  const best = Math.max(...probs);
  const ids: number[] = [];
  let margin = Infinity;
  let before = 0;
  ranked(logits).forEach((id, rank) => {
    const prob = probs[id]!;
    const byTopP = params.topP === 1 || before <= params.topP;
    const byMinP = prob >= params.minP * best;
    if (params.topP < 1) margin = Math.min(margin, Math.abs(before - params.topP));
    // The likeliest tokens themselves are exact.
    if (params.minP > 0 && prob < best) margin = Math.min(margin, Math.abs(prob / best - params.minP));
    if ((params.topK === -1 || rank < params.topK) && byTopP && byMinP) ids.push(id);
    before += prob;
  });
  return { ids, margin };
}

/** The kept token that a random number falls on when they are lined up in id order. */
export function draw(
  logits: Float32Array,
  params: SamplingParams,
  u: number,
): { id: number; margin: number } {
  const { ids, margin } = kept(logits, params);
  const probs = softmax(logits, params.temperature);
  const total = ids.reduce((sum, id) => sum + probs[id]!, 0);
  let sum = 0;
  let nearest = margin;
  let drawn = -1;
  for (const id of ids.sort((a, b) => a - b)) {
    sum += probs[id]! / total;
    nearest = Math.min(nearest, Math.abs(sum - u));
    if (drawn < 0 && sum > u) drawn = id;
  }
  return { id: drawn, margin: nearest };
}

/** What logits become before the temperature, in float32 after each rule. */
export function shaped(
  logits: Float32Array,
  params: SamplingParams,
  prompt: Int32Array,
  output: readonly number[],
): Float32Array {
  const row = Float32Array.from(logits);
  for (const id of new Set(output)) {
    const count = output.filter((other) => other === id).length;
    row[id] = row[id]! - (count * params.frequencyPenalty + params.presencePenalty);
  }
  for (const id of new Set([...prompt, ...output])) {
    if (row[id]! > 0) row[id] = row[id]! / params.repetitionPenalty;
    else row[id] = row[id]! * params.repetitionPenalty;
  }
  if (output.length < params.minNewTokens) for (const id of params.stopTokenIds) row[id] = -Infinity;
  for (const [id, bias] of params.logitBias) row[id] = row[id]! + bias;
  return row;
}

/** A repeatable row: `kind` says how its logits are spread. */
export function makeRow(kind: RowKind, size: number, seed: number): Float32Array {
  let state = seed >>> 0;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Float32Array.from({ length: size }, () => {
    switch (kind) {
      case 'normal':
        return 3 * normal();
      case 'peaked':
        return random() < 0.01 ? 15 + 5 * random() : 2 * normal();
      case 'ties':
        return Math.floor(4 * random()) - 2;
      case 'equal':
        return 1.5;
      case 'wide':
        return 500 * normal();
      case 'masked':
        return random() < 0.7 ? -Infinity : normal();
    }
  });
}

export type RowKind = 'normal' | 'peaked' | 'ties' | 'equal' | 'wide' | 'masked';
const ROW_KINDS: readonly RowKind[] = ['normal', 'peaked', 'ties', 'equal', 'wide', 'masked'];

/** Rows for properties, by what they are made from: short to print when one fails. Never all -Infinity. */
export const rowSpecs = fc
  .record({
    kind: fc.constantFrom(...ROW_KINDS),
    size: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 200, max: 1300 })),
    seed: fc.nat(),
  })
  .filter((spec) => rowOf(spec).some((logit) => logit > -Infinity));

export function rowOf({ kind, size, seed }: { kind: RowKind; size: number; seed: number }): Float32Array {
  return makeRow(kind, size, seed);
}
