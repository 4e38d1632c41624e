import { kvPlanesOf, type KvType } from '../models/kv-planes';
import { ELEMENT_BYTES } from '../onnxruntime/element-type';
import type { IoBinding } from '../onnxruntime/io-binding';

/**
 * The keys and values themselves: where the tokens of running requests live, and where cached prefixes live. The
 * scheduler decides which tokens go where; a store only moves them. This is the seam between attention backends: with
 * paged attention (`pages`) rows and arena are the same memory, and nothing is moved.
 *
 * The verbs that move tokens take effect in the order they are called in, and before any run that starts afterwards; on a
 * device they may still be under way when they return. `settled` tells when they are not.
 *
 * A *row* is the place of one running request; rows 0…n-1 form the decode batch, so they are kept dense. A *slot* is the
 * place of one cached token in the arena.
 */
export interface KvStore {
  /** Rows there are: requests that can run at a time. */
  readonly rows: number;
  /** Tokens a row can hold. */
  readonly capacity: number;
  /** Slots of the arena. */
  readonly slots: number;
  /** Bytes reserved; the operating system commits them as tokens arrive. */
  readonly bytes: number;
  /** Takes a row into use: copies cached tokens, possibly none, into positions [0, slots.length). */
  load(row: number, slots: Int32Array): void;
  /** Copies positions [from, from + slots.length) of a row into the arena. */
  save(row: number, from: number, slots: Int32Array): void;
  /** Copies the first `length` tokens of a row to another one, which takes over; the old row is vacated. */
  move(from: number, to: number, length: number): void;
  /** A row of `length` tokens is not needed any more. Its memory may go back to the operating system. */
  vacate(row: number, length: number): void;
  /** Resolves when all that was moved is in place, rejects when that failed; null when it is in place already. */
  settled(): Promise<void> | null;
  /** Nothing runs and nothing is cached: everything stored may be forgotten, its memory goes back to the system. */
  clear(): void;
  /**
   * Binds rows [first, first + count) to the graph's past and present, in place. The binding owns the tensors.
   * @param tokens that these rows must have room for; `capacity` for a binding that is run again
   */
  bind(binding: IoBinding, first: number, count: number, tokens: number): void;
  /**
   * Before a run over rows that were bound, but for those that begin with row 0: a device whose memory cannot be seen from the
   * middle has them elsewhere for the time of a run.
   * @param pasts tokens that rows `first`, `first + 1`, … hold
   */
  enter(first: number, pasts: readonly number[]): void;
  /** Left out where rows are memory of their own. */
  readonly pages?: KvPages;
  /** After such a run: row `first + i` holds `lengths[i]` tokens now, `pasts[i]` of them from before. */
  leave(first: number, pasts: readonly number[], lengths: readonly number[]): void;
}

/** Rows without memory of their own: a token lies at the slot that the scheduler reserved for it, from its computation to its eviction. */
export interface KvPages {
  /**
   * Tokens of a row that come, or came, lie at other slots from now on than said before.
   * @param from position of the first one, at the beginning of a page
   * @param slots of positions `from`, `from` + 1, …, in whole pages
   */
  place(row: number, from: number, slots: Int32Array): void;
  /** The slot of a token of a row. */
  slotAt(row: number, position: number): number;
}

/** What keys and values of a model look like. */
export interface KvShape {
  readonly numLayers: number;
  readonly numKvHeads: number;
  readonly headDim: number;
}

/** Bytes of what is kept of one token over all layers. */
export function bytesPerToken(shape: KvShape, type: KvType): number {
  const perHead = kvPlanesOf(shape, type).map(({ width, type: of }) => width * ELEMENT_BYTES[of]);
  return shape.numKvHeads * perHead.reduce((sum, bytes) => sum + bytes, 0);
}

/** A run of adjacent slots that holds consecutive tokens: copied as one piece. */
export interface SlotRun {
  /** Index of the run's first token within the slots it came from. */
  readonly offset: number;
  readonly slot: number;
  readonly length: number;
}

/** Splits slots into maximal runs of adjacent ones. */
export function slotRuns(slots: Int32Array): SlotRun[] {
  const runs: SlotRun[] = [];
  let offset = 0;
  while (offset < slots.length) {
    const slot = slots[offset] as number;
    let length = 1;
    while (offset + length < slots.length && slots[offset + length] === slot + length) length++;
    runs.push({ offset, slot, length });
    offset += length;
  }
  return runs;
}
