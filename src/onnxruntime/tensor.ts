import { bug } from '../core/errors';
import { ELEMENT_BYTES, ElementType, type ElementTypeName, type TensorData } from './element-type';
import { ortLibrary, type Pointer } from './library';

/**
 * Arrays of at most this many bytes may live on V8's moving heap, where a native pointer goes stale at the next
 * collection (V8's default for `--typed-array-max-size-in-heap` is 64).
 */
const HEAP_LIMIT_BYTES = 64;

/**
 * A tensor in memory of ours, or of a device (`DeviceMemory`). It owns the native value and keeps alive what that lies in for
 * as long as native code may touch it, that is until `dispose`. An array stays usable from JavaScript all the time; both
 * sides see one memory.
 */
export class Tensor {
  private pointer: Pointer | null;

  /**
   * @param pointer the native value, which becomes this object's own
   * @param backing what its elements lie in
   * @param onDispose told once it is gone
   */
  constructor(
    pointer: Pointer,
    readonly backing: object,
    readonly type: ElementTypeName,
    readonly dims: readonly number[],
    private readonly onDispose: () => void = () => undefined,
  ) {
    this.pointer = pointer;
  }

  /**
   * @param data the elements, row-major; must have been made over an ArrayBuffer of its own when small (`alignedArray`)
   * @throws when `dims` and `data` disagree
   */
  static over(type: ElementTypeName, data: TensorData, dims: readonly number[]): Tensor {
    if (tensorBytes(type, dims) !== data.byteLength) {
      throw bug(`tensor of shape [${dims.join(', ')}] over ${data.byteLength} bytes`);
    }
    const pointer = ortLibrary().create(
      'CreateTensorWithDataAsOrtValue',
      cpuMemoryInfo(),
      data,
      data.byteLength,
      BigInt64Array.from(dims, BigInt),
      dims.length,
      ElementType[type],
    );
    return new Tensor(pointer, data, type, dims);
  }

  get bytes(): number {
    return tensorBytes(this.type, this.dims);
  }

  /** The native value. Valid until `dispose`. */
  get handle(): Pointer {
    if (this.pointer === null) throw bug('tensor used after dispose');
    return this.pointer;
  }

  dispose(): void {
    if (this.pointer === null) return;
    ortLibrary().release('ReleaseValue', this.pointer);
    this.pointer = null;
    this.onDispose();
  }
}

/** Bytes that the elements of a tensor take. */
export function tensorBytes(type: ElementTypeName, dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, ELEMENT_BYTES[type]);
}

/** A zeroed ArrayBuffer of at least `bytes`, large enough that V8 never moves it. */
export function pinnedBuffer(bytes: number): ArrayBuffer {
  return new ArrayBuffer(Math.max(bytes, HEAP_LIMIT_BYTES + 8));
}

export const pinnedInt32 = (length: number): Int32Array =>
  new Int32Array(pinnedBuffer(length * 4), 0, length);
export const pinnedInt64 = (length: number): BigInt64Array =>
  new BigInt64Array(pinnedBuffer(length * 8), 0, length);
export const pinnedFloat32 = (length: number): Float32Array =>
  new Float32Array(pinnedBuffer(length * 4), 0, length);

let memoryInfo: Pointer | null = null;

/** Describes plain process memory; one for the life of the process. */
function cpuMemoryInfo(): Pointer {
  const ARENA_ALLOCATOR = 1;
  const DEFAULT_MEMORY = 0;
  memoryInfo ??= ortLibrary().create('CreateCpuMemoryInfo', ARENA_ALLOCATOR, DEFAULT_MEMORY);
  return memoryInfo;
}
