export { EVICTION_POLICIES, type EvictionPolicy } from './eviction-policy';
export { KvLedger, type CachedSequence, type InsertedTokens } from './kv-ledger';
export type { PrefixHandle } from './prefix-cache';
export { RadixCache } from './radix-cache';
export { SlotAllocator } from './slot-allocator';
