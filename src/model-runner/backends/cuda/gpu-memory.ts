import type { CudaStream } from '../../../onnxruntime/cuda/cuda-runtime';
import { bytesPerToken, type KvShape } from '../../kv-store';
import type { MemoryBudget } from '../backend';

/** Rows that are reserved without being asked for, as far as they fit. */
const DEFAULT_ROWS = 256;

/** Both types that GPUs compute in. */

/**
 * The memory of a GPU, as --mem-fraction-static divides it: that share of what was free at the start is for weights, rows and arena; the
 * rest for activations and captured batches. Rows take their memory whole, whatever is in them, so that the arena gets half of
 * what the weights leave at most.
 */
export class GpuMemory implements MemoryBudget {
  readonly defaultRows = DEFAULT_ROWS;
  private readonly before: number;

  /** @param fraction `--mem-fraction-static` */
  constructor(
    private readonly stream: Pick<CudaStream, 'memory'>,
    private readonly fraction: number,
  ) {
    this.before = stream.memory().free;
  }

  freeBytes(): number {
    return this.stream.memory().free;
  }

  usedBytes(): number {
    const { free, total } = this.stream.memory();
    return total - free;
  }

  cacheBytes(): number {
    return Math.max(0, Math.floor(this.freeBytes() - this.before * (1 - this.fraction)));
  }

  tokenBytes(shape: KvShape): number {
    return 2 * bytesPerToken(shape, 'float16');
  }

  slotLimit(): number {
    return Infinity;
  }

  rowLimit(shape: KvShape, capacity: number, slots: number): number {
    const token = bytesPerToken(shape, 'float16');
    return Math.floor((this.cacheBytes() - slots * token) / (rowStride(capacity) * token));
  }
}

/** Tokens are reserved in such multiples. */
const ROW_MULTIPLE = 8;

/** Tokens that a row is reserved for: what it can hold, and one for padding (see `CudaKvStore.padding`). */
export function rowStride(capacity: number): number {
  return Math.ceil((capacity + 1) / ROW_MULTIPLE) * ROW_MULTIPLE;
}
