export { EVICTION_POLICIES, type EvictionPolicy } from './eviction-policy';
export {
  KvLedger,
  type CacheUpdate,
  type CachedSequence,
  type InsertedTokens,
  type KvLedgerOptions,
} from './kv-ledger';
export { NoCache } from './no-cache';
export type { CacheSizes, PrefixCache, PrefixHandle, PrefixInsertion, PrefixMatch } from './prefix-cache';
export { RadixCache } from './radix-cache';
export { SlotAllocator } from './slot-allocator';
