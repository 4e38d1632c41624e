import type { IoBinding } from '../../../onnxruntime/io-binding';
import { Tensor } from '../../../onnxruntime/tensor';
import { releasePages } from './host-pages';
import { slotRuns, type KvShape, type KvStore } from '../../kv-store';

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
 * it, so that reserving the full context costs addresses rather than memory. Vacated rows keep their pages for the next
 * request, until those amount to a quarter of the arena: then they are given back.
 */
export class HostKvStore implements KvStore {
  readonly bytes: number;
  private readonly planes: readonly Plane[];
  /** Tokens whose pages a row may have committed. */
  private readonly touched: Int32Array;
  private readonly vacant = new Set<number>();

  constructor(
    private readonly shape: KvShape,
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
    this.touched = new Int32Array(rows);
    this.bytes = this.planes.reduce((sum, plane) => sum + plane.rows.byteLength + plane.arena.byteLength, 0);
  }

  load(row: number, slots: Int32Array): void {
    this.vacant.delete(row);
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
    this.vacant.delete(to);
    this.touched[to] = Math.max(this.touched[to] as number, length);
    const shift = (to - from) * this.rowLength;
    this.eachHead(from, (plane, rowStart) => {
      plane.rows.copyWithin(rowStart + shift, rowStart, rowStart + length * this.shape.headDim);
    });
    this.vacate(from, length);
  }

  vacate(row: number, length: number): void {
    this.touched[row] = Math.max(this.touched[row] as number, length);
    this.vacant.add(row);
    let idle = 0;
    for (const vacant of this.vacant) idle += this.touched[vacant] as number;
    if (idle > this.slots / 4) this.trim();
  }

  settled(): null {
    return null;
  }

  clear(): void {
    this.vacant.clear();
    this.touched.fill(0);
    for (const { rows, arena } of this.planes) {
      releasePages(rows, 0, rows.length);
      releasePages(arena, 0, arena.length);
    }
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

  enter(): void {}

  leave(): void {}

  /** Gives the pages of vacant rows back to the operating system. */
  private trim(): void {
    for (const row of this.vacant) {
      const elements = (this.touched[row] as number) * this.shape.headDim;
      this.eachHead(row, (plane, rowStart) => releasePages(plane.rows, rowStart, rowStart + elements));
      this.touched[row] = 0;
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
