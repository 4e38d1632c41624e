import { bug } from '../../../core/errors';
import { kvPlanesOf, type KvPlane } from '../../../models/kv-planes';
import type { CudaStream } from '../../../onnxruntime/cuda/cuda-runtime';
import type { DeviceMemory } from '../../../onnxruntime/device-memory';
import type { FloatType } from '../../../onnxruntime/element-type';
import type { IoBinding } from '../../../onnxruntime/io-binding';
import type { Pointer } from '../../../onnxruntime/library';
import type { Tensor } from '../../../onnxruntime/tensor';
import type { KvPages, KvShape, KvStore } from '../../kv-store';

/** How many tokens and requests a store is for. */
export interface PagedSizes {
  /** Requests that can run at a time. */
  readonly rows: number;
  /** Tokens of one at most. */
  readonly capacity: number;
  /** Tokens in all, in whole pages. */
  readonly slots: number;
  readonly pageSize: number;
}

const TABLE_ENTRY_BYTES = 4;

const NOTHING = { from: Infinity, to: 0 } as const;

/**
 * Keys and values in pages of the memory of a GPU, [pages, page, kv_heads, head_dim] for each plane: a slot of the scheduler is a place in
 * them, and a row is a list of page numbers. What requests have in common lies there once, and nothing is ever copied.
 */
export class PagedKvStore implements KvStore, KvPages {
  readonly pages: KvPages = this;
  readonly rows: number;
  readonly capacity: number;
  readonly slots: number;
  readonly bytes: number;
  private readonly pageSize: number;
  /** Pages of a row at most. */
  private readonly width: number;
  private readonly planes: readonly (KvPlane & { readonly tensor: Tensor })[];
  /** [rows, width] The pages of each row on the host, in memory that copies to the device read for as long as a run may take. */
  private readonly table: Int32Array;
  /** Pages that each row has; what is behind them in the table means nothing. */
  private readonly held: Int32Array;
  /** What runs see of it: [rows, width] */
  private readonly deviceTable: Tensor;
  private readonly from: Pointer;
  private readonly to: Pointer;
  /** Entries that the device has not seen: [from, to). */
  private changed: { readonly from: number; readonly to: number };

  /** @throws OrtError, CudaError when the memory does not suffice */
  constructor(
    private readonly memory: DeviceMemory,
    private readonly stream: CudaStream,
    type: FloatType,
    shape: KvShape,
    { rows, capacity, slots, pageSize }: PagedSizes,
  ) {
    [this.rows, this.capacity, this.slots, this.pageSize] = [rows, capacity, slots, pageSize];
    this.width = Math.ceil(capacity / pageSize);
    this.held = new Int32Array(rows);
    const before = memory.bytes;
    const dims = [Math.floor(slots / pageSize), pageSize, shape.numKvHeads, shape.headDim];
    this.planes = kvPlanesOf(shape, type).map((plane) => ({ ...plane, tensor: memory.allocate(type, dims) }));
    this.deviceTable = memory.allocate('int32', [rows, this.width]);
    this.bytes = memory.bytes - before;
    const host = stream.allocateHost(rows * this.width * TABLE_ENTRY_BYTES);
    this.table = new Int32Array(host.buffer, 0, rows * this.width).fill(0);
    [this.from, this.to] = [host.address, memory.addressOf(this.deviceTable)];
    this.changed = { from: 0, to: this.table.length };
  }

  place(row: number, from: number, slots: Int32Array): void {
    const first = from / this.pageSize;
    const count = slots.length / this.pageSize;
    if (!Number.isInteger(first) || !Number.isInteger(count))
      throw bug(`${slots.length} tokens at ${from} of row ${row} are not whole pages of ${this.pageSize}`);
    if (first + count > this.width) throw bug(`row ${row} has room for ${this.width} pages`);
    for (let page = 0; page < count; page++) {
      this.set(row, first + page, (slots[page * this.pageSize] as number) / this.pageSize);
    }
    this.held[row] = Math.max(this.pagesOf(row), first + count);
  }

  slotAt(row: number, position: number): number {
    const page = Math.floor(position / this.pageSize);
    if (page >= this.pagesOf(row)) throw bug(`no page is reserved for token ${position} of row ${row}`);
    return (this.table[row * this.width + page] as number) * this.pageSize + (position % this.pageSize);
  }

  load(row: number, slots: Int32Array): void {
    this.held[row] = 0;
    this.place(row, 0, slots);
  }

  save(): void {}

  move(from: number, to: number): void {
    const count = this.pagesOf(from);
    for (let page = 0; page < count; page++)
      this.set(to, page, this.table[from * this.width + page] as number);
    this.held[to] = count;
    this.held[from] = 0;
  }

  vacate(row: number): void {
    this.held[row] = 0;
  }

  /** Brings to the device what has changed of the table. */
  settled(): null {
    const { from, to } = this.changed;
    if (from >= to) return null;
    const [at, bytes] = [BigInt(from * TABLE_ENTRY_BYTES), (to - from) * TABLE_ENTRY_BYTES];
    this.stream.copy(this.to + at, this.from + at, bytes, 'toDevice');
    this.memory.traffic.uploads++;
    this.memory.traffic.uploadedBytes += bytes;
    this.changed = NOTHING;
    return null;
  }

  clear(): void {
    this.held.fill(0);
  }

  bind(binding: IoBinding, first: number, count: number): void {
    for (const { past, present, tensor } of this.planes) {
      binding.bindInput(past, tensor);
      binding.bindOutput(present, tensor);
    }
    const offset = first * this.width * TABLE_ENTRY_BYTES;
    const rows = this.memory.view(this.deviceTable, 'int32', [count, this.width], offset);
    binding.adopt(rows);
    binding.bindInput('block_table', rows);
  }

  enter(): void {}

  leave(): void {}

  private pagesOf(row: number): number {
    return this.held[row] as number;
  }

  private set(row: number, page: number, number: number): void {
    const at = row * this.width + page;
    if (this.table[at] === number) return;
    this.table[at] = number;
    this.changed = { from: Math.min(this.changed.from, at), to: Math.max(this.changed.to, at + 1) };
  }
}
