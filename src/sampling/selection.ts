import { bug } from '../core/errors';
import { BLOCK, type LogitRow } from './logit-row';
import { Histogram, KEEP_ALL, MASSLESS, bucketOf, massOf, stepsPerLogit, type Cut } from './token-mass';

/**
 * Choosing the likeliest tokens without sorting the vocabulary. The order is by logit, the lower index first among
 * equals: what a stable descending sort gives.
 */

const INDEX_SPAN = 2 ** 21;
/** Keys up to this number are sorted; of more, only the part where the limit falls. */
const SORT_AT_ONCE = 512;
const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/**
 * One number that sorts as (logit ascending, index descending) does: 32 bits of the logit made monotonic above 21 bits
 * of the index, which a double holds exactly. Arrays of them sort natively, without a comparator.
 */
function orderKey(logit: number, index: number): number {
  // Adding 0 makes -0 and 0 the same.
  floatView[0] = logit + 0;
  const bits = bitsView[0]!;
  const ordinal = bits >>> 31 ? ~bits >>> 0 : (bits | 0x80000000) >>> 0;
  return ordinal * INDEX_SPAN + (INDEX_SPAN - 1 - index);
}

function indexOfKey(key: number): number {
  return INDEX_SPAN - 1 - (key - Math.floor(key / INDEX_SPAN) * INDEX_SPAN);
}

function checkSize(row: LogitRow): void {
  if (row.logits.length > INDEX_SPAN) throw bug(`a vocabulary of ${row.logits.length}`);
}

/**
 * The cut of top-k and top-p together: keeps at most `topK` tokens, and those whose likelier tokens have at most `topP`
 * of the whole mass between them. The likeliest token is always kept.
 *
 * A histogram finds the bucket where the limit falls; only tokens of that bucket are put in order.
 * @param topK ≥ 1; Infinity is off
 * @param topP (0, 1]; 1 is off
 */
export function rankCut(row: LogitRow, scale: number, topK: number, topP: number): Cut {
  checkSize(row);
  const buckets = new Histogram(row, scale);
  // Off must be off: rounding would drop tokens too unlikely to move the total.
  const allowed = topP < 1 ? topP * buckets.totalMass : Infinity;
  let rank = 0;
  let before = 0;
  for (let bucket = 0; bucket < MASSLESS; bucket++) {
    const count = buckets.count(bucket);
    const mass = buckets.mass(bucket);
    if (rank + count >= topK || before + mass > allowed) {
      return cutInBucket(row, scale, { bucket, count }, topK - rank, allowed - before);
    }
    rank += count;
    before += mass;
  }
  // What is left has no mass: it cannot be drawn, kept or not.
  return KEEP_ALL;
}

/** The cut that keeps the first tokens of a bucket: `most` of them, while those before have at most `allowed` mass. */
function cutInBucket(
  row: LogitRow,
  scale: number,
  { bucket, count }: { bucket: number; count: number },
  most: number,
  allowed: number,
): Cut {
  const { logits, max } = row;
  const massOfKey = (key: number) => massOf(logits[indexOfKey(key)]!, max, scale);
  const keys = keysOfBucket(row, scale, bucket, count);
  let from = 0;
  let to = count;
  // Quickselect down to few enough to sort. The pivot is not the lowest of three, so that both parts have some.
  while (to - from > SORT_AT_ONCE) {
    const pivot = median(keys[from]!, keys[(from + to) >> 1]!, keys[to - 1]!);
    let split = from;
    let mass = 0;
    for (let i = from; i < to; i++) {
      const key = keys[i]!;
      if (key < pivot) continue;
      mass += massOfKey(key);
      keys[i] = keys[split]!;
      keys[split++] = key;
    }
    if (split - from >= most || mass > allowed) {
      to = split;
    } else {
      most -= split - from;
      allowed -= mass;
      from = split;
    }
  }
  const best = keys.subarray(from, to).sort().reverse();
  let last = 0;
  let mass = massOfKey(best[0]!);
  while (last + 1 < Math.min(most, best.length) && mass <= allowed) mass += massOfKey(best[++last]!);
  const lastIndex = indexOfKey(best[last]!);
  return { value: logits[lastIndex]!, lastIndex };
}

function keysOfBucket(row: LogitRow, scale: number, bucket: number, count: number): Float64Array {
  const { logits, max, blockMax } = row;
  const keys = new Float64Array(count);
  let found = 0;
  for (let block = 0; block < blockMax.length; block++) {
    if (bucketOf(blockMax[block]!, max, scale) > bucket) continue;
    const end = Math.min(logits.length, (block + 1) * BLOCK);
    for (let i = block * BLOCK; i < end; i++) {
      if (bucketOf(logits[i]!, max, scale) === bucket) keys[found++] = orderKey(logits[i]!, i);
    }
  }
  return keys;
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

/** The indices of the `n` likeliest tokens (all, if there are fewer), best first. */
export function likeliest(row: LogitRow, n: number): number[] {
  checkSize(row);
  const { logits, blockMax } = row;
  const bound =
    n < blockMax.length
      ? // So many blocks have a logit this large that at least n tokens do.
        blockMax.slice().sort()[blockMax.length - n]!
      : rankCut(row, stepsPerLogit(1), n, 1).value;
  const keys: number[] = [];
  for (let block = 0; block < blockMax.length; block++) {
    if (blockMax[block]! < bound) continue;
    const end = Math.min(logits.length, (block + 1) * BLOCK);
    for (let i = block * BLOCK; i < end; i++) {
      if (logits[i]! >= bound) keys.push(orderKey(logits[i]!, i));
    }
  }
  const sorted = Float64Array.from(keys).sort();
  return Array.from(sorted.subarray(Math.max(0, sorted.length - n)), indexOfKey).reverse();
}
