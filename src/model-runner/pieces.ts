import type { ExtendItem } from './model-runner';

/**
 * Cuts a piece of a prompt into runs that a device computes correctly.
 * @param limit tokens of one run at most; Infinity for any number
 * @returns at least one; each asks for those of the logits that are its own
 */
export function cutIntoRuns(item: ExtendItem, limit: number): readonly ExtendItem[] {
  const { row, past, ids, logitPositions } = item;
  if (ids.length <= limit) return [item];
  const count = Math.ceil(ids.length / limit);
  return Array.from({ length: count }, (_, index) => {
    const from = index * limit;
    const piece = ids.subarray(from, from + limit);
    const own = logitPositions.map((at) => at - from).filter((at) => at >= 0 && at < piece.length);
    return { row, past: past + from, ids: piece, logitPositions: own };
  });
}
