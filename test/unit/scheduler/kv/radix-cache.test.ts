import fc from 'fast-check';
import { EVICTION_POLICIES } from '../../../../src/scheduler/kv/eviction-policy';
import { RadixCache } from '../../../../src/scheduler/kv/radix-cache';
import { type PrefixHandle } from '../../../../src/scheduler/kv/prefix-cache';

const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
const ids = (...values: number[]) => Int32Array.from(values);
const cacheOf = (pageSize = 1, policy: 'lru' | 'lfu' = 'lru') =>
  new RadixCache(pageSize, EVICTION_POLICIES[policy]);
const matched = (cache: RadixCache, tokens: Int32Array, key: string | null = null) =>
  cache.match(tokens, tokens.length, key).handle.cachedLen;
/** Matches as a request does that is admitted. */
const use = (cache: RadixCache, tokens: Int32Array) =>
  cache.touch(cache.match(tokens, tokens.length, null).handle);

describe('RadixCache', () => {
  it('finds the longest cached prefix and its slots', () => {
    const cache = cacheOf();
    cache.insert(ids(1, 2, 3, 4), ids(10, 11, 12, 13), null);
    const { already, handle } = cache.insert(ids(1, 2, 5, 6, 7), ids(20, 21, 22, 23, 24), null);
    expect(already).toBe(2);
    expect(handle.cachedLen).toBe(5);
    expect(cache.match(ids(1, 2, 5, 6, 9), 5, null).slots).toEqual(ids(10, 11, 22, 23));
    expect(cache.match(ids(1, 2, 3, 4, 5), 3, null).slots).toEqual(ids(10, 11, 12));
    expect(matched(cache, ids(2, 3))).toBe(0);
    expect(cache.sizes).toEqual({ evictable: 7, protected: 0 });
  });

  it('follows the arithmetic of prompts that share prefixes', () => {
    const cache = cacheOf();
    const run = (n: number) => {
      const prompt = range(0, n);
      const hit = cache.match(prompt, n - 1, null).handle.cachedLen;
      cache.insert(prompt, range(0, n), null);
      return hit;
    };
    expect([run(100), run(10_000), run(10_000), run(1000), run(11_000)]).toEqual([0, 100, 9999, 999, 10_000]);
  });

  it('matches whole pages only', () => {
    const cache = cacheOf(4);
    cache.insert(range(0, 12), range(100, 112), null);
    expect(cache.match(range(0, 12), 11, null).slots).toEqual(range(100, 108));
    expect(cache.match(range(0, 3), 3, null).slots).toEqual(ids());
    expect(matched(cache, ids(0, 1, 2, 3, 4, 5, 6, 99, 8))).toBe(4);
    // A page that differs only at its end is another child.
    expect(cache.insert(ids(0, 1, 2, 9), range(0, 4), null).already).toBe(0);
    expect(matched(cache, ids(0, 1, 2, 9))).toBe(4);
    expect(() => cache.insert(range(0, 5), range(0, 5), null)).toThrow('bug');
    expect(() => cache.insert(range(0, 4), range(0, 8), null)).toThrow('bug');
  });

  it('finds pages in arrays that are views into larger ones', () => {
    const cache = cacheOf(4);
    cache.insert(range(0, 20).subarray(4, 12), range(0, 20).subarray(3, 11), null);
    expect(cache.match(range(4, 12), 8, null).slots).toEqual(range(3, 11));
    expect(matched(cache, range(2, 30).subarray(2))).toBe(8);
  });

  it('keeps namespaces apart', () => {
    const cache = cacheOf();
    cache.insert(ids(1, 2), ids(0, 1), null);
    cache.insert(ids(1, 2), ids(2, 3), 'a');
    expect(cache.match(ids(1, 2), 2, null).slots).toEqual(ids(0, 1));
    expect(cache.match(ids(1, 2), 2, 'a').slots).toEqual(ids(2, 3));
    expect(matched(cache, ids(1, 2), 'b')).toBe(0);
    expect(matched(cache, ids(1, 2), '')).toBe(0);
    expect(cache.evict(4)).toHaveLength(4);
    expect(matched(cache, ids(1, 2), 'a')).toBe(0);
  });

  it('copies what it keeps', () => {
    const cache = cacheOf();
    const tokens = ids(1, 2, 3);
    const slots = ids(4, 5, 6);
    cache.insert(tokens, slots, null);
    tokens.fill(9);
    slots.fill(9);
    expect(cache.match(ids(1, 2, 3), 3, null).slots).toEqual(ids(4, 5, 6));
  });

  it('never evicts what is locked, nor what leads to it', () => {
    const cache = cacheOf();
    cache.insert(ids(1, 2, 3, 4), ids(0, 1, 2, 3), null);
    cache.insert(ids(1, 2, 5, 6), ids(0, 1, 4, 5), null);
    const { handle } = cache.match(ids(1, 2, 3), 3, null);
    cache.lock(handle);
    expect(cache.sizes).toEqual({ evictable: 3, protected: 3 });
    expect([...cache.evict(100)].sort()).toEqual([3, 4, 5]);
    expect(cache.sizes).toEqual({ evictable: 0, protected: 3 });
    cache.lock(handle);
    cache.unlock(handle);
    expect(cache.evict(1)).toHaveLength(0);
    cache.unlock(handle);
    expect([...cache.evict(3)].sort()).toEqual([0, 1, 2]);
    expect(cache.sizes).toEqual({ evictable: 0, protected: 0 });
  });

  it('keeps a handle on its prefix when others split its node', () => {
    const cache = cacheOf();
    const { handle } = cache.insert(range(0, 10), range(0, 10), null);
    cache.lock(handle);
    cache.insert(ids(0, 1, 2, 77), ids(0, 1, 2, 50), null);
    expect(matched(cache, range(0, 6))).toBe(6);
    expect(cache.sizes).toEqual({ evictable: 1, protected: 10 });
    cache.unlock(handle);
    expect(cache.sizes).toEqual({ evictable: 11, protected: 0 });
  });

  it('evicts the longest unused leaf first, from its end, no more than asked in pages', () => {
    const cache = cacheOf(2);
    cache.insert(ids(1, 1, 1, 1, 1, 1), range(0, 6), null);
    cache.insert(ids(2, 2, 2, 2), range(6, 10), null);
    expect(cache.evict(0)).toHaveLength(0);
    expect(cache.evict(3)).toEqual(ids(2, 3, 4, 5));
    expect(matched(cache, ids(1, 1, 1, 1))).toBe(2);
    use(cache, ids(1, 1, 1, 1));
    expect(cache.evict(3)).toEqual(ids(6, 7, 8, 9));
    expect(cache.evict(100)).toEqual(ids(0, 1));
    expect(cache.evict(1)).toHaveLength(0);
  });

  it('evicts by last use or by number of uses', () => {
    const gone = (policy: 'lru' | 'lfu') => {
      const cache = cacheOf(1, policy);
      cache.insert(ids(1), ids(1), null);
      cache.insert(ids(2), ids(2), null);
      cache.insert(ids(3), ids(3), null);
      for (const token of [1, 1, 1, 2, 2, 3]) use(cache, ids(token));
      return [cache.evict(1)[0], cache.evict(1)[0], cache.evict(1)[0]];
    };
    expect(gone('lru')).toEqual([1, 2, 3]);
    expect(gone('lfu')).toEqual([3, 2, 1]);
  });

  it.each(['lru', 'lfu'] as const)('does not take a look for a use (%s)', (policy) => {
    const cache = cacheOf(1, policy);
    cache.insert(ids(1, 1, 1), ids(1, 11, 111), null);
    cache.insert(ids(2), ids(2), null);
    use(cache, ids(2));
    for (let times = 0; times < 50; times++) {
      // In part, so that the node is split.
      const { handle } = cache.match(ids(1, 1, 9), 3, null);
      cache.lock(handle);
      cache.unlock(handle);
    }
    expect([...cache.evict(3)].sort((a, b) => a - b)).toEqual([1, 11, 111]);
    expect(cache.evict(1)).toEqual(ids(2));
  });

  it('lets both parts of a split node keep their uses', () => {
    const cache = cacheOf(1, 'lfu');
    cache.insert(ids(1, 2, 3, 4), ids(0, 1, 2, 3), null);
    for (let times = 0; times < 3; times++) use(cache, ids(1, 2, 3, 4));
    cache.insert(ids(1, 2), ids(0, 1), null);
    cache.insert(ids(7), ids(7), null);
    for (let times = 0; times < 2; times++) use(cache, ids(7));
    expect(cache.evict(3)).toEqual(ids(7, 2, 3));
    cache.insert(ids(7), ids(7), null);
    expect(cache.evict(1)).toEqual(ids(7));
  });

  it('keeps nothing of a namespace once all of it is evicted', () => {
    const cache = cacheOf();
    for (const key of ['a', 'b', 'c']) cache.insert(ids(1, 2), ids(0, 1), key);
    expect([...cache.allSlots()]).toHaveLength(6);
    cache.evict(6);
    expect([...cache.allSlots()]).toHaveLength(0);
  });

  it('does not let a peek change anything', () => {
    const cache = cacheOf();
    cache.insert(range(0, 4), range(0, 4), null);
    cache.insert(range(10, 14), range(4, 8), null);
    const handle = cache.peek(range(0, 3), 3, null);
    expect(handle.cachedLen).toBe(3);
    expect(cache.peek(range(0, 3), 3, 'other').cachedLen).toBe(0);
    expect(() => cache.lock(handle)).toThrow('now reaches 4');
    expect(cache.evict(4)).toEqual(range(0, 4));
  });

  it('notices stale and foreign handles', () => {
    const cache = cacheOf();
    const { handle } = cache.insert(range(0, 4), range(0, 4), null);
    expect(() => cache.unlock(handle)).toThrow('more often than locked');
    cache.evict(1);
    expect(() => cache.lock(handle)).toThrow('now reaches 3');
    cache.evict(3);
    expect(() => cache.lock(handle)).toThrow('now reaches 0');
    const second = cache.insert(range(0, 4), range(0, 4), null).handle;
    cache.lock(second);
    cache.reset();
    expect(cache.sizes).toEqual({ evictable: 0, protected: 0 });
    expect(() => cache.unlock(second)).toThrow('before a reset');
    expect(() => cache.lock({ cachedLen: 0 })).toThrow('another cache');
    expect(matched(cache, range(0, 4))).toBe(0);
  });

  it('orders sequences depth first by weight', () => {
    const cache = cacheOf();
    const sequences = [
      ids(9, 9),
      ids(1),
      ids(1, 2, 3),
      ids(5),
      ids(1, 2, 4),
      ids(1, 7),
      ids(1, 2, 3, 8),
      ids(99),
    ];
    for (const tokens of sequences.slice(0, 7)) cache.insert(tokens, tokens, null);
    const handles = sequences.map((tokens) => cache.peek(tokens, tokens.length, null));
    expect(cache.dfsOrder(handles)).toEqual([6, 2, 4, 5, 1, 0, 3, 7]);
    expect(cache.dfsOrder([])).toEqual([]);
  });
});

/**
 * The obvious cache: a table from each cached prefix of whole pages to its last page's slots, its locks and its last
 * use.
 */
class PageTable {
  private readonly pages = new Map<string, { slots: number[]; locks: number; used: number }>();
  private clock = 0;

  constructor(private readonly pageSize: number) {}

  private keys(tokens: Int32Array, limit: number, extraKey: string | null): string[] {
    const keys: string[] = [];
    for (let end = this.pageSize; end <= Math.min(limit, tokens.length); end += this.pageSize) {
      keys.push(`${extraKey}:${tokens.subarray(0, end).join()}`);
    }
    return keys;
  }

  prefix(tokens: Int32Array, limit: number, extraKey: string | null): string[] {
    const keys = this.keys(tokens, limit, extraKey);
    const missing = keys.findIndex((key) => !this.pages.has(key));
    return missing < 0 ? keys : keys.slice(0, missing);
  }

  slotsOf(keys: string[]): number[] {
    return keys.flatMap((key) => this.pages.get(key)!.slots);
  }

  use(keys: string[]): void {
    this.clock++;
    for (const key of keys) this.pages.get(key)!.used = this.clock;
  }

  insert(tokens: Int32Array, slots: Int32Array, extraKey: string | null): string[] {
    const keys = this.keys(tokens, tokens.length, extraKey);
    keys.forEach((key, i) => {
      const page = {
        slots: [...slots.subarray(i * this.pageSize, (i + 1) * this.pageSize)],
        locks: 0,
        used: 0,
      };
      if (!this.pages.has(key)) this.pages.set(key, page);
    });
    this.use(keys);
    return keys;
  }

  lock(keys: string[], by: 1 | -1): void {
    for (const key of keys) this.pages.get(key)!.locks += by;
  }

  /** Removes the pages of these slots after checking that they could go. */
  evicted(slots: Int32Array): void {
    const gone = new Set(slots);
    let newest = 0;
    for (const [key, page] of this.pages) {
      if (!gone.has(page.slots[0]!)) continue;
      expect(page.locks).toBe(0);
      expect(page.slots.every((slot) => gone.delete(slot))).toBe(true);
      newest = Math.max(newest, page.used);
      this.pages.delete(key);
    }
    expect(gone.size).toBe(0);
    const kept = [...this.pages.keys()];
    for (const [key, page] of this.pages) {
      const parent = key.split(',').slice(0, -this.pageSize);
      if (parent.length > 0) expect(this.pages.has(parent.join())).toBe(true);
      if (page.locks === 0 && !kept.some((other) => other.startsWith(`${key},`))) {
        expect(page.used).toBeGreaterThanOrEqual(newest);
      }
    }
  }

  get sizes(): { evictable: number; protected: number } {
    const all = [...this.pages.values()];
    const locked = all.filter((page) => page.locks > 0).length * this.pageSize;
    return { evictable: all.length * this.pageSize - locked, protected: locked };
  }

  get slots(): number[] {
    return [...this.pages.values()].flatMap((page) => page.slots);
  }
}

describe('RadixCache against a table of pages', () => {
  const step = fc.record({
    kind: fc.constantFrom('insert', 'insert', 'match', 'lock', 'unlock', 'evict', 'peek'),
    pages: fc.array(fc.nat(2), { maxLength: 6 }),
    rest: fc.nat(15),
    extraKey: fc.constantFrom(null, null, 'a'),
    n: fc.nat(30),
  });

  it.each([1, 4, 16])('agrees after any program (page size %i)', (pageSize) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (program) => {
        const cache = cacheOf(pageSize);
        const table = new PageTable(pageSize);
        const locked: { handle: PrefixHandle; keys: string[] }[] = [];
        let nextSlot = 0;
        for (const { kind, pages, rest, extraKey, n } of program) {
          // Pages that differ in their last token only, and an unaligned tail.
          const tokens = ids(
            ...pages.flatMap((page) => [...new Array<number>(pageSize - 1).fill(7), page]),
            ...new Array<number>(rest % pageSize).fill(7),
          );
          const aligned = pages.length * pageSize;
          if (kind === 'insert') {
            const slots = range(nextSlot, (nextSlot += aligned));
            const already = table.prefix(tokens, aligned, extraKey).length * pageSize;
            table.insert(tokens.subarray(0, aligned), slots, extraKey);
            const result = cache.insert(tokens.subarray(0, aligned), slots, extraKey);
            expect({ already: result.already, cachedLen: result.handle.cachedLen }).toEqual({
              already,
              cachedLen: aligned,
            });
          } else if (kind === 'match' || kind === 'lock') {
            const keys = table.prefix(tokens, n, extraKey);
            const { handle, slots } = cache.match(tokens, n, extraKey);
            expect([...slots]).toEqual(table.slotsOf(keys));
            expect(handle.cachedLen).toBe(slots.length);
            if (kind === 'match') continue;
            cache.touch(handle);
            table.use(keys);
            cache.lock(handle);
            table.lock(keys, 1);
            locked.push({ handle, keys });
          } else if (kind === 'peek') {
            const length = table.prefix(tokens, n, extraKey).length * pageSize;
            expect(cache.peek(tokens, n, extraKey).cachedLen).toBe(length);
          } else if (kind === 'unlock' && locked.length > 0) {
            const [{ handle, keys }] = locked.splice(n % locked.length, 1) as [(typeof locked)[0]];
            cache.unlock(handle);
            table.lock(keys, -1);
          } else if (kind === 'evict') {
            const { evictable } = table.sizes;
            const slots = cache.evict(n);
            expect(slots.length).toBe(Math.min(evictable, Math.ceil(n / pageSize) * pageSize));
            table.evicted(slots);
          }
          expect(cache.sizes).toEqual(table.sizes);
        }
        const slots = [...cache.allSlots()].flatMap((part) => [...part]);
        expect(slots.sort()).toEqual(table.slots.sort());
        for (const { handle } of locked) cache.unlock(handle);
        cache.evict(Infinity);
        expect(cache.sizes).toEqual({ evictable: 0, protected: 0 });
      }),
      { numRuns: 200 },
    );
  });
});
