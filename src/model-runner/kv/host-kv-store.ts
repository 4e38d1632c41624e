import type { ModelConfig } from '../config/model-config';
import type { IoBinding } from '../onnxruntime/io-binding';
import { Tensor } from '../onnxruntime/tensor';
import { slotRuns, type KvStore } from './kv-store';

/** Keys or values of one layer. */
interface Plane {
  /** Graph input and output this plane is bound to. */
  readonly past: string;
  readonly present: string;
  /** [rows, kv_heads, capacity, head_dim] */
  readonly rows: Float32Array;
  /** [kv_heads, slots, head_dim] */
  readonly arena: Float32Array;
}

/**
 * KV memory of the CPU backend: float32 rows that the attention operator appends to in place, and an arena for cached
 * prefixes. Both are large zero-filled buffers, of which the operating system commits a page only when a token lands in
 * it, so that reserving the full context costs addresses rather than memory.
 */
export class HostKvStore implements KvStore {
  readonly bytes: number;
  private readonly planes: readonly Plane[];

  constructor(
    private readonly shape: Pick<ModelConfig, 'numLayers' | 'numKvHeads' | 'headDim'>,
    readonly rows: number,
    readonly capacity: number,
    readonly slots: number,
  ) {
    this.planes = Array.from({ length: shape.numLayers }, (_, layer) =>
      ['k', 'v'].map((kind) => ({
        past: `past_${kind}.${layer}`,
        present: `present_${kind}.${layer}`,
        rows: new Float32Array(rows * this.rowLength),
        arena: new Float32Array(shape.numKvHeads * slots * shape.headDim),
      })),
    ).flat();
    this.bytes = this.planes.reduce((sum, plane) => sum + plane.rows.byteLength + plane.arena.byteLength, 0);
  }

  load(row: number, slots: Int32Array): void {
    const { headDim } = this.shape;
    const runs = slotRuns(slots);
    this.eachHead(row, (plane, rowStart, arenaStart) => {
      for (const { offset, slot, length } of runs) {
        const source = arenaStart + slot * headDim;
        plane.rows.set(plane.arena.subarray(source, source + length * headDim), rowStart + offset * headDim);
      }
    });
  }

  save(row: number, from: number, slots: Int32Array): void {
    const { headDim } = this.shape;
    const runs = slotRuns(slots);
    this.eachHead(row, (plane, rowStart, arenaStart) => {
      for (const { offset, slot, length } of runs) {
        const source = rowStart + (from + offset) * headDim;
        plane.arena.set(plane.rows.subarray(source, source + length * headDim), arenaStart + slot * headDim);
      }
    });
  }

  move(from: number, to: number, length: number): void {
    const shift = (to - from) * this.rowLength;
    this.eachHead(from, (plane, rowStart) => {
      plane.rows.copyWithin(rowStart + shift, rowStart, rowStart + length * this.shape.headDim);
    });
  }

  bind(binding: IoBinding, first: number, count: number): void {
    const { numKvHeads, headDim } = this.shape;
    for (const plane of this.planes) {
      const data = plane.rows.subarray(first * this.rowLength, (first + count) * this.rowLength);
      const tensor = Tensor.over('float32', data, [count, numKvHeads, this.capacity, headDim]);
      binding.adopt(tensor);
      binding.bindInput(plane.past, tensor);
      binding.bindOutput(plane.present, tensor);
    }
  }

  /** Elements of one row of one plane. */
  private get rowLength(): number {
    return this.shape.numKvHeads * this.capacity * this.shape.headDim;
  }

  /** Visits each head of each plane with the index of its first element in the row and in the arena. */
  private eachHead(row: number, visit: (plane: Plane, rowStart: number, arenaStart: number) => void): void {
    const { numKvHeads, headDim } = this.shape;
    for (const plane of this.planes) {
      for (let head = 0; head < numKvHeads; head++) {
        visit(plane, row * this.rowLength + head * this.capacity * headDim, head * this.slots * headDim);
      }
    }
  }
}
