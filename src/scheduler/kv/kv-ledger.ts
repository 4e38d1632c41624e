import { bug } from '../../core/errors';
import { NO_METRICS, type Recorder } from '../../metrics/recorder';
import { EVICTION_POLICIES, type EvictionPolicy } from './eviction-policy';
import { NoCache } from './no-cache';
import type { PrefixCache, PrefixHandle } from './prefix-cache';
import { RadixCache } from './radix-cache';
import { SlotAllocator } from './slot-allocator';

/** The view of a running request that the ledger works on. */
export interface CachedSequence {
  /** The tokens whose KV exists: the committed ones. */
  readonly ids: Int32Array;
  /**
   * The slots of the sequence in token order, at least one for each committed token: those of the cached prefix, then
   * all that were reserved for it. The last page is held whole, however many of its slots are named here.
   */
  readonly slots: Int32Array;
  /** The cached prefix that the sequence started from, locked by it. */
  readonly handle: PrefixHandle;
  readonly extraKey: string | null;
}

/**
 * Tokens that became part of the cache: positions [from, from + slots.length) of the sequence, and the slot of each.
 * Whoever holds the KV of a running request elsewhere must copy it into these slots at once, in the same turn of the
 * event loop: from now on any request may match the tokens.
 */
export interface InsertedTokens {
  readonly from: number;
  readonly slots: Int32Array;
}

/** What a sequence holds after `cacheUnfinished`; replaces its `handle` and `slots`. */
export interface CacheUpdate {
  /** Locked; the sequence's former handle is unlocked. */
  readonly handle: PrefixHandle;
  readonly slots: Int32Array;
  readonly inserted: InsertedTokens;
}

export interface KvLedgerOptions {
  readonly totalTokens: number;
  readonly pageSize: number;
  readonly disableRadixCache: boolean;
  readonly evictionPolicy: EvictionPolicy;
  readonly metrics?: Recorder;
}

/**
 * The one owner of the token budget. Every slot is, at any time, one of
 * - free: in the allocator;
 * - cached: in the prefix cache, evictable or protected by locks;
 * - held: reserved by a running request, past the prefix it locked.
 * The three always add up to `total`. All calls are synchronous and leave the books in order.
 */
export class KvLedger {
  constructor(
    private readonly allocator: SlotAllocator,
    /** For matching and locking. Only the ledger itself may insert, evict and reset. */
    readonly cache: PrefixCache,
    private readonly metrics: Recorder = NO_METRICS,
  ) {}

  static create(options: KvLedgerOptions): KvLedger {
    const cache = options.disableRadixCache
      ? new NoCache()
      : new RadixCache(options.pageSize, EVICTION_POLICIES[options.evictionPolicy]);
    return new KvLedger(new SlotAllocator(options.totalTokens, options.pageSize), cache, options.metrics);
  }

  get total(): number {
    return this.allocator.total;
  }

  get pageSize(): number {
    return this.allocator.pageSize;
  }

  /** What `reserve` can give: free slots and those that eviction would free. Locking a prefix can shrink it. */
  get available(): number {
    return this.allocator.available + this.cache.sizes.evictable;
  }

  /** Slots that neither are free nor could be freed by eviction. */
  get used(): number {
    return this.total - this.available;
  }

  /** The smallest number of whole pages' tokens that is at least `tokens`. */
  roundUp(tokens: number): number {
    return Math.ceil(tokens / this.pageSize) * this.pageSize;
  }

  /**
   * Reserves slots, evicting cached tokens as needed.
   * @param count a multiple of the page size
   * @returns null, with nothing evicted, when fewer are available
   */
  reserve(count: number): Int32Array | null {
    if (count > this.available) return null;
    const missing = count - this.allocator.available;
    if (missing > 0) this.evict(missing);
    const slots = this.allocator.alloc(count);
    if (!slots) throw bug('the prefix cache evicted less than it said it could');
    return slots;
  }

  private evict(count: number): void {
    const startedAt = performance.now();
    const evicted = this.cache.evict(count);
    this.allocator.free(evicted);
    this.metrics.record('evicted_tokens_total', evicted.length);
    this.metrics.record('eviction_duration_seconds', (performance.now() - startedAt) / 1000);
  }

  /** Drops a sequence without caching it: frees what it holds, unlocks its prefix. */
  discard(sequence: CachedSequence): void {
    this.allocator.free(sequence.slots.subarray(sequence.handle.cachedLen));
    this.cache.unlock(sequence.handle);
  }

  /** Slots a sequence holds itself, in whole pages: what it adds to the argument of `checkIntegrity`. */
  held(sequence: Pick<CachedSequence, 'slots' | 'handle'>): number {
    return this.roundUp(sequence.slots.length) - sequence.handle.cachedLen;
  }

  /**
   * Caches what a sequence has computed so far; the sequence goes on. Afterwards it holds the lock of the longer prefix
   * and names the cache's own slots for it.
   */
  cacheUnfinished(sequence: CachedSequence): CacheUpdate {
    const { handle, already, inserted } = this.insert(sequence);
    const { cachedLen } = sequence.handle;
    let { slots } = sequence;
    if (already > cachedLen) {
      slots = slots.slice();
      slots.set(this.cache.match(sequence.ids, already, sequence.extraKey).slots);
    }
    this.cache.lock(handle);
    this.cache.unlock(sequence.handle);
    return { handle, slots, inserted };
  }

  /** Caches a sequence that has ended (or was aborted) and takes back everything it held. */
  cacheFinished(sequence: CachedSequence): { readonly inserted: InsertedTokens } {
    const { handle, inserted } = this.insert(sequence);
    this.allocator.free(sequence.slots.subarray(handle.cachedLen));
    this.cache.unlock(sequence.handle);
    return { inserted };
  }

  /**
   * Compares the books with each other.
   * @param slotsHeldByRunning sum of `held` over the running requests
   * @returns null when they agree, else what is wrong; the caller logs it and calls `rebuild` once nothing runs
   */
  checkIntegrity(slotsHeldByRunning: number): string | null {
    const free = this.allocator.available;
    const { evictable, protected: locked } = this.cache.sizes;
    const sum = free + evictable + locked + slotsHeldByRunning;
    if (sum !== this.total) {
      return (
        `${free} free + ${evictable} evictable + ${locked} protected + ${slotsHeldByRunning} held ` +
        `= ${sum} token slots, but there are ${this.total}`
      );
    }
    let cached = 0;
    for (const slots of this.cache.allSlots()) {
      const doubled = slots.find((slot) => this.allocator.isFree(slot));
      if (doubled !== undefined) return `token slot ${doubled} is both free and cached`;
      cached += slots.length;
    }
    if (cached === evictable + locked) return null;
    return `the prefix cache holds ${cached} tokens, but counts ${evictable} evictable + ${locked} protected`;
  }

  /** Empties the cache and frees every slot. No request may hold slots or a handle: none survives. */
  rebuild(): void {
    this.cache.reset();
    this.allocator.reset();
  }

  /**
   * Inserts the whole pages of a sequence into the cache and frees its duplicates. Who owns its slots, by position:
   *
   *   [0, cachedLen)               were cached before: the cache owned them all along
   *   [cachedLen, already)         cached meanwhile by another sequence: the cache keeps its own, ours are freed
   *   [already, handle.cachedLen)  newly inserted: pass from the sequence to the cache
   *   [handle.cachedLen, end)      the unaligned tail, and what the cache did not take: still the sequence's
   *
   * `cachedLen` is the length of the sequence's own handle; it stays locked here, so `already` cannot be less.
   */
  private insert(sequence: CachedSequence): {
    already: number;
    handle: PrefixHandle;
    inserted: InsertedTokens;
  } {
    const { ids, slots, extraKey } = sequence;
    const { cachedLen } = sequence.handle;
    if (slots.length < ids.length) throw bug(`${ids.length} tokens have only ${slots.length} slots`);
    const aligned = ids.length - (ids.length % this.pageSize);
    const { already, handle } = this.cache.insert(
      ids.subarray(0, aligned),
      slots.subarray(0, aligned),
      extraKey,
    );
    if (already < cachedLen) throw bug(`only ${already} of ${cachedLen} locked tokens are still cached`);
    this.allocator.free(slots.subarray(cachedLen, already));
    return { already, handle, inserted: { from: already, slots: slots.slice(already, handle.cachedLen) } };
  }
}
