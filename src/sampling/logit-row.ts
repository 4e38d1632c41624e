import { ownKernels } from '../core/own-kernels';

/** How many neighbouring logits share one entry of `blockMax`. */
export const BLOCK = 256;

/** A row of logits, scanned once. The logits must not change while it is used. */
export class LogitRow {
  /** The largest logit; NaN when any is NaN, -Infinity when all are. */
  readonly max: number;
  /** The largest logit of each block of `BLOCK`, or less if the row holds NaN. */
  readonly blockMax: Float32Array;

  constructor(readonly logits: Float32Array) {
    this.blockMax = new Float32Array(Math.ceil(logits.length / BLOCK));
    this.max = scan(logits, this.blockMax);
  }

  /** Whether the row says nothing about the next token: a logit is NaN, or all are -Infinity. */
  get isVoid(): boolean {
    return !(this.max > -Infinity);
  }
}

function scan(logits: Float32Array, blockMax: Float32Array): number {
  let max = -Infinity;
  for (let block = 0; block < blockMax.length; block++) {
    const end = Math.min(logits.length, (block + 1) * BLOCK);
    let most = -Infinity;
    for (let i = block * BLOCK; i < end; i++) {
      const logit = logits[i]!;
      // False for NaN too, so that the common case is one comparison.
      if (!(logit <= most)) {
        if (Number.isNaN(logit)) return NaN;
        most = logit;
      }
    }
    blockMax[block] = most;
    if (most > max) max = most;
  }
  return max;
}

/** The index of the largest logit, the lowest one among equals; -1 when a logit is NaN or all are -Infinity. */
export function argmax(logits: Float32Array): number {
  const kernels = ownKernels();
  return kernels === null ? scanned(logits) : kernels.largest(logits, logits.length);
}

function scanned(logits: Float32Array): number {
  let max = -Infinity;
  let at = -1;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i]!;
    if (!(logit <= max)) {
      if (Number.isNaN(logit)) return -1;
      max = logit;
      at = i;
    }
  }
  return at;
}

/**
 * Whether another logit is so near to that of token `id`, the likeliest, that rounding could have put it first.
 * @param rounding how far logits of one row, computed in runs of different sizes, can be apart, as a share of the chosen one
 */
export function hasRival(logits: Float32Array, id: number, rounding: number): boolean {
  const best = logits[id]!;
  if (!Number.isFinite(best)) return false;
  const from = rivalFrom(best, rounding);
  for (let i = 0; i < logits.length; i++) if (logits[i]! >= from && i !== id) return true;
  return false;
}

/** From which logit on another is a rival of the best one: see `hasRival`. */
export function rivalFrom(best: number, rounding: number): number {
  return best - rounding * Math.max(Math.abs(best), 0.01);
}
