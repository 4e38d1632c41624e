import type { IoBinding } from '../../../onnxruntime/io-binding';
import { Tensor } from '../../../onnxruntime/tensor';
import { releasePages } from './host-pages';
import { kvPlanesOf, type KvPlane, type KvType } from '../../../models/kv-planes';
import { slotRuns, type KvShape, type KvStore } from '../../kv-store';

/** What a token has in one layer, with the memory for it. */
interface Plane extends KvPlane {
  /** [rows, kv_heads, capacity, width] */
  readonly rows: Float32Array | Int8Array;
  /** [kv_heads, slots, width] */
  readonly arena: Float32Array | Int8Array;
}

/** Number types that the CPU computes with. */
export type HostKvType = Extract<KvType, 'float32' | 'int8'>;

/**
 * KV memory of the CPU backend: rows that the attention operator appends to in place, and an arena for cached
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
    type: HostKvType = 'float32',
  ) {
    this.planes = kvPlanesOf(shape, type).map((plane) => {
      const Memory = plane.type === 'int8' ? Int8Array : Float32Array;
      const arena = new Memory(shape.numKvHeads * slots * plane.width);
      return { ...plane, rows: new Memory(rows * this.rowLength(plane)), arena };
    });
    this.touched = new Int32Array(rows);
    this.bytes = this.planes.reduce((sum, plane) => sum + plane.rows.byteLength + plane.arena.byteLength, 0);
  }

  load(row: number, slots: Int32Array): void {
    this.vacant.delete(row);
    const runs = slotRuns(slots);
    this.eachHead(row, (plane, rowStart, arenaStart) => {
      for (const { offset, slot, length } of runs) {
        const source = arenaStart + slot * plane.width;
        plane.rows.set(
          plane.arena.subarray(source, source + length * plane.width),
          rowStart + offset * plane.width,
        );
      }
    });
  }

  save(row: number, from: number, slots: Int32Array): void {
    const runs = slotRuns(slots);
    this.eachHead(row, (plane, rowStart, arenaStart) => {
      for (const { offset, slot, length } of runs) {
        const source = rowStart + (from + offset) * plane.width;
        plane.arena.set(
          plane.rows.subarray(source, source + length * plane.width),
          arenaStart + slot * plane.width,
        );
      }
    });
  }

  move(from: number, to: number, length: number): void {
    this.vacant.delete(to);
    this.touched[to] = Math.max(this.touched[to] as number, length);
    this.eachHead(from, (plane, rowStart) => {
      const shift = (to - from) * this.rowLength(plane);
      plane.rows.copyWithin(rowStart + shift, rowStart, rowStart + length * plane.width);
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
    for (const plane of this.planes) {
      const length = this.rowLength(plane);
      const data = plane.rows.subarray(first * length, (first + count) * length);
      const dims = [count, this.shape.numKvHeads, this.capacity, plane.width];
      const tensor = Tensor.over(plane.type, data, dims);
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
      const tokens = this.touched[row] as number;
      this.eachHead(row, (plane, rowStart) =>
        releasePages(plane.rows, rowStart, rowStart + tokens * plane.width),
      );
      this.touched[row] = 0;
    }
  }

  /** Elements of one row of a plane. */
  private rowLength({ width }: KvPlane): number {
    return this.shape.numKvHeads * this.capacity * width;
  }

  /** Visits each head of each plane with the index of its first element in the row and in the arena. */
  private eachHead(row: number, visit: (plane: Plane, rowStart: number, arenaStart: number) => void): void {
    for (const plane of this.planes) {
      for (let head = 0; head < this.shape.numKvHeads; head++) {
        const rowStart = row * this.rowLength(plane) + head * this.capacity * plane.width;
        visit(plane, rowStart, head * this.slots * plane.width);
      }
    }
  }
}
