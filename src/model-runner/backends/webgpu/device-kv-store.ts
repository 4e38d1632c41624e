import { kvPlanesOf, type KvPlane } from '../../../models/kv-planes';
import type { DeviceMemory } from '../../../onnxruntime/device-memory';
import type { FloatType } from '../../../onnxruntime/element-type';
import type { IoBinding } from '../../../onnxruntime/io-binding';
import type { Tensor } from '../../../onnxruntime/tensor';
import type { KvShape, KvStore } from '../../kv-store';
import type { TokenMover, Planes, Region } from './token-mover';
import type { Turns } from './turns';

/** Memory for tokens of one kind of place. */
interface Pool {
  readonly planes: Planes;
  /** Tokens from one head to the next. */
  readonly stride: number;
}

/**
 * Rows and arena in memory that can be bound from its front only. Decode batches are rows 0…n-1: the front of the rows. Any other row
 * is computed in a workspace, where its tokens are copied before a run, and from where the new ones are copied after it;
 * what a prompt in several pieces has there already is not copied again. Nothing of it passes through the host.
 */
export class DeviceKvStore implements KvStore {
  readonly bytes: number;
  private readonly rowPool: Pool;
  private readonly arena: Pool;
  private readonly work: Pool;
  /** Of several rows, for the time of one run. */
  private batch: Pool | null = null;
  /** Whose first tokens the workspace holds. */
  private inWork = { row: -1, tokens: 0 };
  private readonly planes: readonly KvPlane[];

  /** @throws OrtError when the device has no room for it */
  constructor(
    private readonly memory: DeviceMemory,
    private readonly mover: TokenMover,
    private readonly turns: Turns,
    private readonly type: FloatType,
    private readonly shape: KvShape,
    readonly rows: number,
    readonly capacity: number,
    readonly slots: number,
  ) {
    this.planes = kvPlanesOf(shape, type);
    const before = memory.bytes;
    this.rowPool = this.pool(rows, capacity);
    this.arena = this.pool(1, slots);
    this.work = rows > 1 ? this.pool(1, capacity) : this.rowPool;
    this.bytes = memory.bytes - before;
    // What could not be reserved is found out by its first use only.
    this.mover.copy(this.arenaRegion, this.rowRegion(0), 1, counted, counted);
    this.mover.copy(this.workRegion, this.arenaRegion, 1, counted, counted);
  }

  load(row: number, slots: Int32Array): void {
    this.left(row);
    const from = slots.slice();
    this.copy(this.arenaRegion, this.rowRegion(row), from.length, (i) => from[i] as number, counted);
  }

  save(row: number, from: number, slots: Int32Array): void {
    const to = slots.slice();
    const fromToken = (i: number) => from + i;
    this.copy(this.rowRegion(row), this.arenaRegion, to.length, fromToken, (i) => to[i] as number);
  }

  move(from: number, to: number, length: number): void {
    this.left(from);
    this.left(to);
    this.copy(this.rowRegion(from), this.rowRegion(to), length, counted, counted);
  }

  vacate(row: number): void {
    this.left(row);
  }

  settled(): Promise<void> | null {
    return this.turns.settled();
  }

  clear(): void {
    this.inWork = { row: -1, tokens: 0 };
  }

  bind(binding: IoBinding, first: number, count: number, tokens: number): void {
    if (first > 0 && count > 1) {
      // What a run that failed has left.
      this.dropBatch();
      this.batch = this.pool(count, tokens);
    }
    const pool = this.poolOf(first, count);
    const dims = [count, this.shape.numKvHeads, pool.stride, this.shape.headDim];
    for (const [at, { past, present }] of this.planes.entries()) {
      const tensor = this.memory.view(pool.planes[at] as Tensor, this.type, dims);
      binding.adopt(tensor);
      binding.bindInput(past, tensor);
      binding.bindOutput(present, tensor);
    }
  }

  enter(first: number, pasts: readonly number[]): void {
    const [past] = pasts;
    if (first === 0 || pasts.length > 1 || past === undefined) return;
    const held = this.inWork.row === first ? Math.min(this.inWork.tokens, past) : 0;
    const token = (i: number) => held + i;
    this.mover.copy(this.rowRegion(first), this.workRegion, past - held, token, token);
    this.inWork = { row: first, tokens: past };
  }

  leave(first: number, pasts: readonly number[], lengths: readonly number[]): void {
    if (first === 0) return;
    const pool = this.poolOf(first, lengths.length);
    for (const [row, length] of lengths.entries()) {
      const past = pasts[row] as number;
      const token = (i: number) => past + i;
      this.mover.copy(this.region(pool, row), this.rowRegion(first + row), length - past, token, token);
    }
    if (pool === this.work) this.inWork = { row: first, tokens: lengths[0] as number };
    else this.dropBatch();
  }

  private poolOf(first: number, count: number): Pool {
    if (first === 0) return this.rowPool;
    return count === 1 ? this.work : (this.batch as Pool);
  }

  /** The workspace holds nothing of a row any more. */
  private left(row: number): void {
    if (this.inWork.row === row) this.inWork = { row: -1, tokens: 0 };
  }

  private dropBatch(): void {
    if (this.batch === null) return;
    this.mover.forget(this.batch.planes);
    for (const tensor of this.batch.planes) tensor.dispose();
    this.batch = null;
  }

  private copy(...parts: Parameters<TokenMover['copy']>): void {
    this.turns.post(() => this.mover.copy(...parts));
  }

  private pool(rows: number, stride: number): Pool {
    const { numKvHeads, headDim } = this.shape;
    const vectors = rows * numKvHeads * stride;
    const planes = this.planes.map(() => this.memory.allocate(this.type, [vectors, headDim]));
    return { planes, stride };
  }

  private region(pool: Pool, row: number): Region {
    return { planes: pool.planes, base: row * this.shape.numKvHeads * pool.stride, stride: pool.stride };
  }

  private rowRegion(row: number): Region {
    return this.region(this.rowPool, row);
  }

  private get arenaRegion(): Region {
    return this.region(this.arena, 0);
  }

  private get workRegion(): Region {
    return this.region(this.work, 0);
  }
}

/** Token i is number i. */
const counted = (i: number): number => i;
