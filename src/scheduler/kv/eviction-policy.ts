/** What an eviction policy may look at. */
export interface CacheUse {
  /** Count of the cache's operations at the last use; two leaves never have the same. */
  readonly lastAccess: number;
  /** How often a request matched it. */
  readonly hits: number;
}

/** Negative when `a` is to be evicted before `b`. */
export type EvictionOrder = (a: CacheUse, b: CacheUse) => number;

/** The choices of `--radix-eviction-policy`. */
export const EVICTION_POLICIES = {
  /** Least recently used first. */
  lru: (a: CacheUse, b: CacheUse) => a.lastAccess - b.lastAccess,
  /** Least frequently used first, the longest unused among equals. */
  lfu: (a: CacheUse, b: CacheUse) => a.hits - b.hits || a.lastAccess - b.lastAccess,
} as const satisfies Readonly<Record<string, EvictionOrder>>;

export type EvictionPolicy = keyof typeof EVICTION_POLICIES;
