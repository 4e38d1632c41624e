import type { PrefixCache, PrefixHandle, PrefixInsertion, PrefixMatch } from './prefix-cache';

const NOTHING: PrefixHandle = { cachedLen: 0 };
const NO_SLOTS = new Int32Array(0);

/** The prefix cache of `--disable-radix-cache`: it finds nothing, keeps nothing and owns nothing. */
export class NoCache implements PrefixCache {
  readonly sizes = { evictable: 0, protected: 0 };

  match(): PrefixMatch {
    return { handle: NOTHING, slots: NO_SLOTS };
  }

  peek(): PrefixHandle {
    return NOTHING;
  }

  touch(): void {}

  lock(): void {}

  unlock(): void {}

  insert(): PrefixInsertion {
    return { already: 0, handle: NOTHING };
  }

  evict(): Int32Array {
    return NO_SLOTS;
  }

  reset(): void {}

  dfsOrder(handles: readonly PrefixHandle[]): number[] {
    return handles.map((_, index) => index);
  }

  allSlots(): Iterable<Int32Array> {
    return [];
  }
}
