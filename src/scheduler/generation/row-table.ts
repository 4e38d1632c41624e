import { bug } from '../../core/errors';
import type { KvStore } from '../../model-runner/kv-store';
import type { Request } from './request';

/**
 * Owns the KV rows. Decoding requests hold rows 0…n-1 in the order of `decoding`, so that the first n rows are one batch;
 * requests that still prefill come behind them. Whoever leaves a hole is replaced by the last decoding row.
 */
export class RowTable {
  readonly decoding: Request[] = [];
  /** Requests whose prompt is not fully computed, in order of admission. */
  readonly prefilling: Request[] = [];

  constructor(private readonly kv: Pick<KvStore, 'rows' | 'move' | 'vacate'>) {}

  get size(): number {
    return this.decoding.length + this.prefilling.length;
  }

  get free(): number {
    return this.kv.rows - this.size;
  }

  /** Every request that holds a row. */
  get requests(): Request[] {
    return [...this.decoding, ...this.prefilling];
  }

  /** Gives a request the next row. */
  admit(request: Request): void {
    if (this.free === 0) throw bug('no free row');
    this.compact();
    request.row = this.size;
    this.prefilling.push(request);
  }

  /** Moves a request whose prompt is computed into the decode batch: the first of `prefilling`, whose rows are in order. */
  promote(request: Request): void {
    if (this.prefilling[0] !== request) throw bug(`request ${request.rid} overtakes another prompt`);
    remove(this.prefilling, request);
    this.place(request, this.decoding.length);
    this.decoding.push(request);
  }

  /** Takes the row away. */
  release(request: Request): void {
    const { row } = request;
    request.row = -1;
    this.kv.vacate(row, request.cachedLen);
    if (this.decoding[row] !== request) {
      remove(this.prefilling, request);
      return;
    }
    const last = this.decoding.pop() as Request;
    if (last === request) return;
    this.decoding[row] = last;
    this.place(last, row);
  }

  /** Closes the gap between decoding and prefilling rows. */
  compact(): void {
    this.prefilling.forEach((request, index) => this.place(request, this.decoding.length + index));
  }

  private place(request: Request, row: number): void {
    if (request.row === row) return;
    this.kv.move(request.row, row, request.cachedLen);
    request.row = row;
  }
}

function remove(list: Request[], request: Request): void {
  const index = list.indexOf(request);
  if (index < 0) throw bug(`request ${request.rid} holds no row`);
  list.splice(index, 1);
}
