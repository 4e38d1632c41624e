import type { CudaStream } from '../../../onnxruntime/cuda/cuda-runtime';
import { bytesPerToken, type KvShape } from '../../kv-store';
import type { MemoryBudget } from '../backend';

/** Requests that can run at a time without being asked for: each takes room for its logits, and a list of pages. */
const DEFAULT_ROWS = 256;

/**
 * The memory of a GPU, as --mem-fraction-static divides it: that share of what was free at the start is for weights, keys and values; the
 * rest for activations and captured batches. A token takes its bytes once, whoever reads it.
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
    return bytesPerToken(shape, 'float16');
  }

  slotLimit(): number {
    return Infinity;
  }

  rowLimit(): number {
    return Infinity;
  }
}
