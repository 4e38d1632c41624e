import { bytesPerToken } from '../../kv-store';
import type { MemoryBudget } from '../backend';

const FLOAT_BYTES = 4;

/** What every device lets a kernel see of one buffer (`maxStorageBufferBindingSize`): each plane of rows, and of the arena, is one. */
const BUFFER_LIMIT_BYTES = 128 * 2 ** 20;

/** Rows that are reserved without being asked for, if they fit. */
const DEFAULT_ROWS = 32;

/** Share of the free memory that rows take at most: they are reserved whole, whatever is in them. */
const ROW_SHARE = 0.4;

/**
 * WebGPU does not say how much memory a device has. The host's is taken for it, which is what integrated and software devices have;
 * for a card with memory of its own `--max-total-tokens` and `--max-running-requests` say what fits.
 */
export function webGpuMemory(freeBytes: () => number): MemoryBudget {
  return {
    freeBytes,
    defaultRows: DEFAULT_ROWS,
    // In a request's row and in the cache.
    tokenBytes: (shape) => 2 * bytesPerToken(shape, 'float32'),
    slotLimit: ({ numKvHeads, headDim }) =>
      Math.floor(BUFFER_LIMIT_BYTES / (numKvHeads * headDim * FLOAT_BYTES)),
    rowLimit: (shape, capacity) => {
      const plane = shape.numKvHeads * capacity * shape.headDim * FLOAT_BYTES;
      const row = capacity * bytesPerToken(shape, 'float32');
      return Math.floor(Math.min(BUFFER_LIMIT_BYTES / plane, (freeBytes() * ROW_SHARE) / row));
    },
  };
}
