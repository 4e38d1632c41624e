import { ELEMENT_BYTES } from '../../../onnxruntime/element-type';
import { bytesPerToken } from '../../kv-store';
import type { MemoryBudget } from '../backend';
import type { WebGpuType } from './number-type';

/** What every device lets a kernel see of one buffer (`maxStorageBufferBindingSize`): each plane of rows, and of the arena, is one. */
const BUFFER_LIMIT_BYTES = 128 * 2 ** 20;

/** Rows that are reserved without being asked for, if they fit. */
const DEFAULT_ROWS = 32;

/** Share of the free memory that rows take at most: they are reserved whole, whatever is in them. */
const ROW_SHARE = 0.4;

/**
 * WebGPU does not say how much memory a device has. The host's is taken for it, which is what integrated and software devices have;
 * for a card with memory of its own `--max-total-tokens` and `--max-running-requests` say what fits.
 * @param type of keys and values, once it is settled
 */
export function webGpuMemory(freeBytes: () => number, type: () => WebGpuType): MemoryBudget {
  return {
    freeBytes,
    defaultRows: DEFAULT_ROWS,
    // In a request's row and in the cache.
    tokenBytes: (shape) => 2 * bytesPerToken(shape, type()),
    slotLimit: ({ numKvHeads, headDim }) =>
      Math.floor(BUFFER_LIMIT_BYTES / (numKvHeads * headDim * ELEMENT_BYTES[type()])),
    rowLimit: (shape, capacity) => {
      const plane = shape.numKvHeads * capacity * shape.headDim * ELEMENT_BYTES[type()];
      const row = capacity * bytesPerToken(shape, type());
      return Math.floor(Math.min(BUFFER_LIMIT_BYTES / plane, (freeBytes() * ROW_SHARE) / row));
    },
  };
}
