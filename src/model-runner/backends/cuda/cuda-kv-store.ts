import type { CudaStream } from '../../../onnxruntime/cuda/cuda-runtime';
import { kvPlanesOf } from '../../../models/kv-planes';
import type { DeviceMemory } from '../../../onnxruntime/device-memory';
import { ELEMENT_BYTES, type FloatType } from '../../../onnxruntime/element-type';
import type { IoBinding } from '../../../onnxruntime/io-binding';
import type { Pointer } from '../../../onnxruntime/library';
import type { Tensor } from '../../../onnxruntime/tensor';
import { slotRuns, type KvShape, type KvStore, type Padding } from '../../kv-store';
import { rowStride } from './gpu-memory';

/** Keys or values of one layer. */
interface Plane {
  /** Graph input and output this plane is bound to. */
  readonly past: string;
  readonly present: string;
  /** [rows, kv_heads, stride, head_dim] */
  readonly rows: Tensor;
  /** [kv_heads, slots, head_dim] */
  readonly arena: Tensor;
  /** Of the first element of each. */
  readonly rowsAt: Pointer;
  readonly arenaAt: Pointer;
}

/**
 * Keys and values in the memory of a GPU: rows that attention appends to in place, bound at their addresses, and an arena for cached
 * prefixes. Tokens move within the device, all heads of a plane in one copy for each run of adjacent slots, on the stream that the
 * graph's runs are on: nothing waits, and nothing crosses to the host.
 */
export class CudaKvStore implements KvStore {
  readonly bytes: number;
  private readonly planes: readonly Plane[];
  private readonly stride: number;
  /** Bytes of the vector of one head and token. */
  private readonly vector: number;
  /** Tokens of each row that must not be lost. */
  private readonly held: Int32Array;
  /** The place behind the last token that a row holds: whoever appends to the row next writes there first. */
  readonly padding: Padding = {
    place: (row) => this.held[row] as number,
    appended: (lengths) => lengths.forEach((length, row) => (this.held[row] = length + 1)),
  };

  /** @throws OrtError when the memory does not suffice */
  constructor(
    private readonly memory: DeviceMemory,
    private readonly stream: CudaStream,
    private readonly type: FloatType,
    private readonly shape: KvShape,
    readonly rows: number,
    readonly capacity: number,
    readonly slots: number,
  ) {
    const { numKvHeads, headDim } = shape;
    this.stride = rowStride(capacity);
    this.vector = headDim * ELEMENT_BYTES[type];
    this.held = new Int32Array(rows);
    const before = memory.bytes;
    this.planes = kvPlanesOf(shape, type).map(({ past, present }) => {
      const rowTensor = memory.allocate(type, [rows, numKvHeads, this.stride, headDim]);
      const arena = memory.allocate(type, [numKvHeads, slots, headDim]);
      const [rowsAt, arenaAt] = [memory.addressOf(rowTensor), memory.addressOf(arena)];
      return { past, present, rows: rowTensor, arena, rowsAt, arenaAt };
    });
    this.bytes = memory.bytes - before;
  }

  load(row: number, slots: Int32Array): void {
    const runs = slotRuns(slots);
    for (const { rowsAt, arenaAt } of this.planes) {
      for (const { offset, slot, length } of runs) {
        const pitch = { to: this.stride * this.vector, from: this.slots * this.vector };
        this.copy(this.rowPlace(rowsAt, row, offset), arenaAt + this.bytesOf(slot), pitch, length);
      }
    }
    this.held[row] = slots.length;
  }

  save(row: number, from: number, slots: Int32Array): void {
    const runs = slotRuns(slots);
    for (const { rowsAt, arenaAt } of this.planes) {
      for (const { offset, slot, length } of runs) {
        const pitch = { to: this.slots * this.vector, from: this.stride * this.vector };
        this.copy(arenaAt + this.bytesOf(slot), this.rowPlace(rowsAt, row, from + offset), pitch, length);
      }
    }
  }

  move(from: number, to: number, length: number): void {
    const pitch = { to: this.stride * this.vector, from: this.stride * this.vector };
    for (const { rowsAt } of this.planes) {
      this.copy(this.rowPlace(rowsAt, to, 0), this.rowPlace(rowsAt, from, 0), pitch, length);
    }
    this.held[to] = length;
    this.held[from] = 0;
  }

  vacate(row: number): void {
    this.held[row] = 0;
  }

  settled(): null {
    return null;
  }

  clear(): void {
    this.held.fill(0);
  }

  bind(binding: IoBinding, first: number, count: number): void {
    const { numKvHeads, headDim } = this.shape;
    const dims = [count, numKvHeads, this.stride, headDim];
    for (const { past, present, rows } of this.planes) {
      const offset = first * this.rowBytes;
      const tensor = this.memory.view(rows, this.type, dims, offset);
      binding.adopt(tensor);
      binding.bindInput(past, tensor);
      binding.bindOutput(present, tensor);
    }
  }

  enter(): void {}

  leave(first: number, _pasts: readonly number[], lengths: readonly number[]): void {
    this.held.set(lengths, first);
  }

  private copy(to: Pointer, from: Pointer, pitch: { to: number; from: number }, tokens: number): void {
    if (tokens > 0) this.stream.copyPieces(to, from, pitch, tokens * this.vector, this.shape.numKvHeads);
  }

  private rowPlace(rowsAt: Pointer, row: number, token: number): Pointer {
    return rowsAt + BigInt(row * this.rowBytes) + this.bytesOf(token);
  }

  private bytesOf(tokens: number): bigint {
    return BigInt(tokens * this.vector);
  }

  private get rowBytes(): number {
    return this.shape.numKvHeads * this.stride * this.vector;
  }
}
