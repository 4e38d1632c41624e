import fc from 'fast-check';
import { KvLedger, type CachedSequence, type InsertedTokens } from '../../../../src/scheduler/kv/kv-ledger';
import { type PrefixHandle } from '../../../../src/scheduler/kv/prefix-cache';

const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
const ids = (...values: number[]) => Int32Array.from(values);
const ledgerOf = (totalTokens: number, pageSize = 1, disableRadixCache = false) =>
  KvLedger.create({ totalTokens, pageSize, disableRadixCache, evictionPolicy: 'lru' });

/** Admits a prompt as the scheduler does: match, lock, reserve the rest in whole pages. */
function admit(ledger: KvLedger, tokens: Int32Array, extraKey: string | null = null): CachedSequence {
  const { handle, slots } = ledger.cache.match(tokens, tokens.length - 1, extraKey);
  ledger.cache.lock(handle);
  const own = ledger.reserve(ledger.roundUp(tokens.length) - handle.cachedLen)!;
  return { ids: tokens, slots: Int32Array.from([...slots, ...own]), handle, extraKey };
}

/** Reserved slots, as those of a sequence that shares nothing. */
function giveBack(ledger: KvLedger, slots: Int32Array): void {
  const { handle } = ledger.cache.match(ids(), 0, null);
  ledger.cache.lock(handle);
  ledger.discard({ ids: slots, slots, handle, extraKey: null });
}

describe('KvLedger', () => {
  it('follows the arithmetic of prompts that share prefixes', () => {
    const ledger = ledgerOf(20_000);
    const run = (n: number) => {
      const sequence = admit(ledger, range(0, n));
      const { inserted } = ledger.cacheFinished(sequence);
      expect(inserted.from + inserted.slots.length).toBe(n);
      return sequence.handle.cachedLen;
    };
    expect([run(100), run(10_000), run(10_000), run(1000), run(11_000)]).toEqual([0, 100, 9999, 999, 10_000]);
    expect(ledger.used).toBe(0);
    expect(ledger.checkIntegrity(0)).toBeNull();
  });

  it('reserves by evicting only what is missing', () => {
    const ledger = ledgerOf(16, 4);
    ledger.cacheFinished(admit(ledger, range(0, 12)));
    expect(ledger.available).toBe(16);
    expect(ledger.reserve(20)).toBeNull();
    expect(ledger.cache.sizes.evictable).toBe(12);
    const slots = ledger.reserve(8)!;
    expect(ledger.cache.sizes.evictable).toBe(8);
    expect(ledger.used).toBe(8);
    expect(ledger.checkIntegrity(8)).toBeNull();
    giveBack(ledger, slots);
    expect(ledger.checkIntegrity(0)).toBeNull();
  });

  it('does not count protected tokens as available', () => {
    const ledger = ledgerOf(16);
    ledger.cacheFinished(admit(ledger, range(0, 10)));
    const running = admit(ledger, range(0, 10));
    expect(running.handle.cachedLen).toBe(9);
    expect(ledger.held(running)).toBe(1);
    expect(ledger.used).toBe(10);
    expect(ledger.available).toBe(6);
    expect(ledger.reserve(7)).toBeNull();
    expect(ledger.checkIntegrity(1)).toBeNull();
  });

  describe('interval by interval', () => {
    /** Two sequences that computed the same eight tokens at once, one of which has finished. */
    function duplicate(pageSize: number) {
      const ledger = ledgerOf(64, pageSize);
      ledger.cacheFinished(admit(ledger, range(0, 5)));
      const first = admit(ledger, range(0, 9));
      const second = admit(ledger, range(0, 15));
      ledger.cacheFinished(first);
      const theirs = ledger.cache.match(range(0, 8), 8, null).slots;
      return { ledger, second, theirs };
    }

    it('finished: shares what was cached, frees duplicates and the tail, inserts the rest', () => {
      const { ledger, second, theirs } = duplicate(4);
      const cachedLen = second.handle.cachedLen;
      expect(cachedLen).toBe(4);
      const before = ledger.cache.sizes;
      const { inserted } = ledger.cacheFinished(second);
      expect(inserted).toEqual({ from: 8, slots: second.slots.slice(8, 12) });
      expect(ledger.cache.match(range(0, 15), 15, null).slots).toEqual(
        ids(...theirs, ...second.slots.subarray(8, 12)),
      );
      expect(before).toEqual({ evictable: 4, protected: 4 });
      expect(ledger.cache.sizes).toEqual({ evictable: 12, protected: 0 });
      // Free again: its duplicate page [4, 8) and the page of its tail [12, 15).
      const free = new Set(ledger.reserve(64 - 12));
      expect(
        [...second.slots.subarray(4, 8), ...second.slots.subarray(12)].every((slot) => free.has(slot)),
      ).toBe(true);
      expect(ledger.cache.sizes.evictable).toBe(12);
    });

    it('unfinished: takes over the slots of the cache and keeps the tail', () => {
      const { ledger, second, theirs } = duplicate(4);
      const update = ledger.cacheUnfinished(second);
      expect(update.inserted).toEqual({ from: 8, slots: second.slots.slice(8, 12) });
      expect(update.handle.cachedLen).toBe(12);
      expect(update.slots).toEqual(ids(...theirs, ...second.slots.subarray(8)));
      expect(ledger.cache.sizes).toEqual({ evictable: 0, protected: 12 });
      expect(ledger.held(update)).toBe(4);
      expect(ledger.checkIntegrity(4)).toBeNull();
      // It goes on, and ends.
      ledger.cacheFinished({ ...second, ...update, ids: range(0, 16) });
      expect(ledger.cache.sizes).toEqual({ evictable: 16, protected: 0 });
      expect(ledger.checkIntegrity(0)).toBeNull();
    });

    it('unfinished with nothing new changes nothing', () => {
      const ledger = ledgerOf(64, 4);
      const first = ledger.cacheUnfinished(admit(ledger, range(0, 8)));
      const again = ledger.cacheUnfinished({ ids: range(0, 8), extraKey: null, ...first });
      expect(again.inserted).toEqual({ from: 8, slots: ids() });
      expect(again.slots).toBe(first.slots);
      expect(again.handle.cachedLen).toBe(8);
      expect(ledger.checkIntegrity(0)).toBeNull();
    });

    it('frees pages that were reserved ahead of the committed tokens', () => {
      const ledger = ledgerOf(64, 4);
      const slots = ledger.reserve(16)!;
      const { handle } = ledger.cache.match(ids(), 0, null);
      const { inserted } = ledger.cacheFinished({ ids: range(0, 4), slots, handle, extraKey: null });
      expect(inserted).toEqual({ from: 0, slots: slots.slice(0, 4) });
      expect(ledger.checkIntegrity(0)).toBeNull();
      expect(ledger.cache.sizes.evictable).toBe(4);
    });

    it('discard caches nothing and frees everything of its own', () => {
      const { ledger, second } = duplicate(4);
      ledger.discard(second);
      expect(ledger.cache.sizes).toEqual({ evictable: 8, protected: 0 });
      expect(ledger.checkIntegrity(0)).toBeNull();
    });
  });

  it('without a cache frees everything at the end and reports nothing to copy', () => {
    const ledger = ledgerOf(64, 4, true);
    const sequence = admit(ledger, range(0, 10));
    const update = ledger.cacheUnfinished(sequence);
    expect(update.slots).toBe(sequence.slots);
    expect(update.inserted.slots).toHaveLength(0);
    expect(ledger.checkIntegrity(ledger.held(update))).toBeNull();
    expect(ledger.used).toBe(12);
    const { inserted } = ledger.cacheFinished({ ...sequence, ...update });
    expect(inserted.slots).toHaveLength(0);
    expect(ledger.available).toBe(64);
    expect(admit(ledger, range(0, 10)).handle.cachedLen).toBe(0);
    expect(ledger.cache.dfsOrder([update.handle, update.handle])).toEqual([0, 1]);
  });

  it('describes a discrepancy and is sound again after a rebuild', () => {
    const ledger = ledgerOf(64);
    ledger.cacheFinished(admit(ledger, range(0, 10)));
    ledger.reserve(3);
    expect(ledger.checkIntegrity(0)).toBe(
      '51 free + 10 evictable + 0 protected + 0 held = 61 token slots, but there are 64',
    );
    const cached = ledger.cache.match(range(0, 10), 10, null).slots;
    giveBack(ledger, cached.slice(0, 3));
    expect(ledger.checkIntegrity(0)).toBe(`token slot ${cached[0]} is both free and cached`);
    ledger.rebuild();
    expect(ledger.checkIntegrity(0)).toBeNull();
    expect(ledger.available).toBe(64);
    expect(ledger.cache.match(range(0, 10), 10, null).handle.cachedLen).toBe(0);
  });

  it('refuses sequences that cannot be', () => {
    const ledger = ledgerOf(64);
    const sequence = admit(ledger, range(0, 10));
    expect(() => ledger.cacheFinished({ ...sequence, slots: sequence.slots.slice(1) })).toThrow(
      'only 9 slots',
    );
    const cached = ledger.cacheUnfinished(sequence);
    expect(() => ledger.cacheFinished({ ...sequence, ...cached, ids: range(50, 60) })).toThrow(
      'still cached',
    );
  });
});

/** A request of the random programs: what the scheduler would know of it. */
interface Running {
  readonly target: Int32Array;
  readonly extraKey: string | null;
  committed: number;
  slots: Int32Array;
  handle: PrefixHandle;
}

/**
 * Drives a ledger as a scheduler would, with an arena that remembers which prefix each slot's KV was computed for.
 * Every match is checked against what the arena holds; after every step each slot has exactly one owner.
 */
class Workload {
  readonly ledger: KvLedger;
  readonly running: Running[] = [];
  private readonly arena = new Map<number, string>();

  constructor(total: number, pageSize: number, disableRadixCache: boolean) {
    this.ledger = ledgerOf(total, pageSize, disableRadixCache);
  }

  admit(target: Int32Array, extraKey: string | null): void {
    const { handle, slots } = this.ledger.cache.match(target, target.length - 1, extraKey);
    this.ledger.cache.lock(handle);
    const own = this.ledger.reserve(this.ledger.roundUp(target.length) - handle.cachedLen);
    if (!own) return this.ledger.cache.unlock(handle);
    this.expectContent(target, extraKey, slots);
    const all = Int32Array.from([...slots, ...own]);
    this.running.push({ target, extraKey, committed: handle.cachedLen, slots: all, handle });
  }

  /** Computes up to `n` more tokens and caches them. */
  chunk(run: Running, n: number): void {
    run.committed = Math.min(run.target.length, run.committed + n);
    const update = this.ledger.cacheUnfinished(this.view(run));
    this.copy(run, update.inserted);
    run.handle = update.handle;
    run.slots = update.slots;
    this.expectContent(run.target, run.extraKey, run.slots.subarray(0, run.handle.cachedLen));
  }

  /** Ends a request wherever it is, finished or aborted. */
  end(run: Running): void {
    this.running.splice(this.running.indexOf(run), 1);
    this.copy(run, this.ledger.cacheFinished(this.view(run)).inserted);
  }

  retract(run: Running): void {
    this.running.splice(this.running.indexOf(run), 1);
    this.ledger.discard(this.view(run));
  }

  expectSound(): void {
    const { ledger } = this;
    const held = this.running.reduce((sum, run) => sum + ledger.held(run), 0);
    expect(ledger.checkIntegrity(held)).toBeNull();
    expect(ledger.used).toBe(ledger.cache.sizes.protected + held);
    const owned = [...ledger.cache.allSlots()].flatMap((slots) => [...slots]);
    for (const run of this.running) owned.push(...run.slots.subarray(run.handle.cachedLen));
    expect(new Set(owned).size).toBe(owned.length);
  }

  private view(run: Running): CachedSequence {
    return { ...run, ids: run.target.subarray(0, run.committed) };
  }

  private copy(run: Running, { from, slots }: InsertedTokens): void {
    expect(from + slots.length).toBeLessThanOrEqual(run.committed);
    slots.forEach((slot, i) => this.arena.set(slot, this.content(run.target, run.extraKey, from + i)));
  }

  private expectContent(tokens: Int32Array, extraKey: string | null, slots: Int32Array): void {
    slots.forEach((slot, i) => expect(this.arena.get(slot)).toBe(this.content(tokens, extraKey, i)));
  }

  private content(tokens: Int32Array, extraKey: string | null, position: number): string {
    return `${extraKey}:${tokens.subarray(0, position + 1).join()}`;
  }
}

describe('KvLedger under random programs', () => {
  const step = fc.record({
    kind: fc.constantFrom('admit', 'admit', 'admit', 'chunk', 'chunk', 'end', 'retract', 'squeeze', 'flush'),
    shape: fc.array(fc.nat(2), { minLength: 1, maxLength: 8 }),
    tail: fc.nat(15),
    extraKey: fc.constantFrom(null, null, 'a'),
    n: fc.nat(60),
  });

  it.each([
    [1, false],
    [4, false],
    [16, false],
    [4, true],
  ])('keeps the books (page size %i, cache disabled %s)', (pageSize, disabled) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (program) => {
        const work = new Workload(20 * pageSize, pageSize, disabled);
        for (const { kind, shape, tail, extraKey, n } of program) {
          const run = work.running[n % Math.max(1, work.running.length)];
          if (kind === 'admit') {
            const pages = shape.flatMap((page) => [...new Array<number>(pageSize - 1).fill(7), page]);
            work.admit(ids(...pages, ...new Array<number>(tail % pageSize).fill(7)), extraKey);
          } else if (kind === 'flush') {
            if (work.running.length === 0) work.ledger.rebuild();
          } else if (kind === 'squeeze') {
            const slots = work.ledger.reserve((n % 20) * pageSize);
            if (slots) giveBack(work.ledger, slots);
          } else if (run) {
            if (kind === 'chunk') work.chunk(run, 1 + (n % (2 * pageSize)));
            else if (kind === 'end') work.end(run);
            else work.retract(run);
          }
          work.expectSound();
        }
        for (const run of [...work.running]) work.end(run);
        expect(work.ledger.used).toBe(0);
        work.expectSound();
        expect(work.ledger.reserve(work.ledger.total)).toHaveLength(work.ledger.total);
      }),
      { numRuns: 150 },
    );
  });
});
