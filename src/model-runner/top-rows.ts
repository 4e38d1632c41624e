import { TOP_BLOCK, topCount } from '../models/layers/top-tokens';
import type { TopTokens } from '../core/top-tokens';

/** What the caller of a run needs of its rows of logits: their fronts, wherever those tell enough. */
export interface TopWish {
  /** What the logits of a row are divided by before they become masses. */
  temperature(row: number): number;
  /** The share of all mass that a draw from a row leaves behind it, in [0, 1). */
  draw(row: number): number;
  /** Whether this tells all that is needed of the row. */
  suffices(row: number, top: TopTokens): boolean;
}

/** The wish of a run whose rows nobody looks at, or their fronts only. */
export const ANYTHING: TopWish = { temperature: () => 1, draw: () => 0, suffices: () => true };

/** Numbers that the output `top` has for each row. */
export function topWidth(vocabSize: number): number {
  return 2 * topCount(vocabSize) + 3 + TOP_BLOCK;
}

/**
 * Reads rows of the output `top` (see `outputTop`).
 * @param data [rows, topWidth]; overwritten by the next run, and not referred to
 */
export function readTop(data: Float32Array, vocabSize: number): TopTokens[] {
  const width = topWidth(vocabSize);
  return Array.from({ length: data.length / width }, (_, row) =>
    readRow(data.subarray(row * width, (row + 1) * width), topCount(vocabSize)),
  );
}

function readRow(row: Float32Array, count: number): TopTokens {
  const logits = row.slice(0, count);
  const ids = Int32Array.from(row.subarray(count, 2 * count));
  orderEquals(logits, ids);
  const [mass = NaN, before = NaN, block = NaN] = row.subarray(2 * count);
  const drawn = { before, first: block * TOP_BLOCK, masses: row.slice(2 * count + 3) };
  return { ids, logits, mass, drawn };
}

/** Puts lower ids first among equal logits. */
function orderEquals(logits: Float32Array, ids: Int32Array): void {
  let start = 0;
  for (let end = 1; end <= logits.length; end++) {
    if (end < logits.length && logits[end] === logits[start]) continue;
    if (end - start > 1) ids.subarray(start, end).sort();
    start = end;
  }
}
