import { bug } from '../../core/errors';
import { NO_METRICS, type Recorder } from '../../metrics/recorder';
import type { KvStore } from '../../model-runner/kv-store';
import type { CachedSequence, KvLedger } from '../kv/kv-ledger';
import type { PrefixHandle } from '../kv/prefix-cache';
import type { Request } from './request';
import type { RowTable } from './row-table';

/** A cached prefix that is pinned for a request about to be admitted. */
export interface PinnedPrefix {
  readonly handle: PrefixHandle;
  readonly slots: Int32Array;
}

/**
 * Ties the three places of a request's tokens together: the row it computes in, the slots the ledger reserves for it and
 * the arena where cached prefixes live. Nothing else moves KV data.
 */
export class RequestMemory {
  constructor(
    private readonly ledger: KvLedger,
    private readonly store: KvStore,
    private readonly rows: RowTable,
    private readonly metrics: Recorder = NO_METRICS,
  ) {}

  /** Pins the longest usable prefix, which counts as its use only with `admit`. Either that or `unpin` follows. */
  pin(request: Request): PinnedPrefix {
    const { handle, slots } = this.ledger.cache.match(
      request.ids.view(),
      request.prefixLimit,
      request.extraKey,
    );
    this.ledger.cache.lock(handle);
    return { handle, slots };
  }

  unpin({ handle }: PinnedPrefix): void {
    this.ledger.cache.unlock(handle);
  }

  /** Gives a waiting request a row and puts its cached prefix there. */
  admit(request: Request, { handle, slots }: PinnedPrefix): void {
    this.rows.admit(request);
    this.ledger.cache.touch(handle);
    this.store.load(request.row, slots);
    request.handle = handle;
    request.slots.assign(slots);
    request.cachedLen = slots.length;
    request.cachedTokens ??= slots.length;
    this.metrics.record('prefix_cache_lookup_tokens_total', request.length);
    this.metrics.record('prefix_cache_hit_tokens_total', slots.length);
  }

  /** Slots that are missing for the request to hold `length` tokens, in whole pages. */
  missingSlots(request: Request, length: number): number {
    return this.ledger.roundUp(length) - request.slots.length;
  }

  /** Reserves what is missing to hold `length` tokens; evicts cached prefixes for it. @returns false when it cannot */
  grow(request: Request, length: number): boolean {
    const missing = this.missingSlots(request, length);
    if (missing <= 0) return true;
    const slots = this.ledger.reserve(missing);
    if (!slots) return false;
    this.store.pages?.place(request.row, request.slots.length, slots);
    request.slots.append(slots);
    return true;
  }

  /** Makes what is computed so far available to others; the request goes on. */
  share(request: Request): void {
    const { handle, slots, inserted } = this.ledger.cacheUnfinished(this.sequence(request));
    this.store.save(request.row, inserted.from, inserted.slots);
    // Those of another sequence may have taken the place of its own.
    this.store.pages?.place(request.row, 0, slots);
    request.handle = handle;
    request.slots.assign(slots);
  }

  /** Caches a request that ended and gives up its row. */
  finish(request: Request): void {
    const { inserted } = this.ledger.cacheFinished(this.sequence(request));
    this.store.save(request.row, inserted.from, inserted.slots);
    request.handle = null;
    this.rows.release(request);
  }

  /** Takes a running request's memory back without caching what it computed. */
  drop(request: Request): void {
    this.ledger.discard(this.sequence(request));
    request.handle = null;
    this.rows.release(request);
  }

  /** Empties the cache and gives its memory back. No request may hold a row. */
  reset(): void {
    this.ledger.rebuild();
    this.store.clear();
  }

  /** Slots that requests with a row hold beside the cache, for the ledger's integrity check. */
  heldSlots(): number {
    return this.rows.requests.reduce((sum, request) => sum + this.ledger.held(this.sequence(request)), 0);
  }

  private sequence(request: Request): CachedSequence {
    return {
      ids: request.ids.view(0, request.cachedLen),
      slots: request.slots.view(),
      handle: pinned(request),
      extraKey: request.extraKey,
    };
  }
}

function pinned(request: Request): PrefixHandle {
  if (!request.handle) throw bug(`request ${request.rid} holds no prefix`);
  return request.handle;
}
