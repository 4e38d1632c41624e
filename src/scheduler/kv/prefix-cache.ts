/**
 * The prefix cache: which token sequences have their KV in the arena, and in which slots. A cache never touches KV data
 * and never allocates or frees slots; it only says who owns them. `KvLedger` is its one caller for everything that
 * moves ownership.
 */

/**
 * A cached prefix. Opaque; made by one cache and understood by that one only. Until it is locked, the next `evict` may
 * take the prefix away, after which the handle must not be used any more.
 */
export interface PrefixHandle {
  /** Tokens of the prefix; a multiple of the page size. */
  readonly cachedLen: number;
}

export interface PrefixMatch {
  readonly handle: PrefixHandle;
  /** One slot for each of the `cachedLen` tokens; they hold the prefix's KV only while the handle is locked. */
  readonly slots: Int32Array;
}

export interface PrefixInsertion {
  /** Leading tokens that were cached before; the slots passed for them are still the caller's. */
  readonly already: number;
  /** What is cached now: tokens [already, handle.cachedLen) are new and their slots belong to the cache. */
  readonly handle: PrefixHandle;
}

export interface PrefixCache {
  /**
   * The longest cached prefix of ids[0, limit), in whole pages. May split a node, but changes neither which tokens are
   * cached nor the order in which they are evicted: a look is no use, see `touch`.
   * @param extraKey namespace; sequences of different namespaces never share a prefix
   */
  match(ids: Int32Array, limit: number, extraKey: string | null): PrefixMatch;

  /**
   * The same length as `match` would find, and changes nothing at all. Its handle serves `dfsOrder` and its length; it
   * may not be locked.
   */
  peek(ids: Int32Array, limit: number, extraKey: string | null): PrefixHandle;

  /** Notes that a request uses the prefix, for the eviction order. */
  touch(handle: PrefixHandle): void;

  /** Keeps the prefix from eviction until the matching `unlock`. Locks count. Does not change the total of `sizes`. */
  lock(handle: PrefixHandle): void;

  /** Takes back one `lock`. Frees nothing: the prefix stays cached until evicted. */
  unlock(handle: PrefixHandle): void;

  /**
   * Makes ids[0, n) a cached sequence, n being a multiple of the page size and the length of both arrays. Copies what
   * it keeps. May keep less than offered (`handle.cachedLen`); never evicts and never locks.
   */
  insert(ids: Int32Array, slots: Int32Array, extraKey: string | null): PrefixInsertion;

  /**
   * Forgets unlocked tokens, least worth keeping first, and hands their slots to the caller.
   * @returns at least `count` slots in whole pages, or all that can be evicted. evict(0) is always fine
   */
  evict(count: number): Int32Array;

  /** Forgets everything, locked or not; no handle survives. The caller must see that the slots become free. */
  reset(): void;

  /**
   * Depth-first order of sequences by weight, the branch with most of them first, deeper ones before those that end
   * above them: an order in which neighbours share the longest prefixes. Reads only.
   * @param handles of the sequences, from `peek` or `match`
   * @returns indices into `handles`
   */
  dfsOrder(handles: readonly PrefixHandle[]): number[];

  /** Every slot the cache owns, in no particular order. For integrity checks. */
  allSlots(): Iterable<Int32Array>;

  /** Cached tokens that eviction could free, and those that locks protect. Together they are all the cache owns. */
  readonly sizes: CacheSizes;
}

export interface CacheSizes {
  readonly evictable: number;
  readonly protected: number;
}
