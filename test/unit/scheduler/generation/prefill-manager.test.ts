import type { KvStore } from '../../../../src/model-runner/kv-store';
import { KvLedger } from '../../../../src/scheduler/kv/kv-ledger';
import { type EvictionPolicy } from '../../../../src/scheduler/kv/eviction-policy';
import { NewTokenRatio } from '../../../../src/scheduler/generation/new-token-ratio';
import { PrefillManager } from '../../../../src/scheduler/generation/prefill-manager';
import type { Request } from '../../../../src/scheduler/generation/request';
import { RequestMemory } from '../../../../src/scheduler/generation/request-memory';
import { RowTable } from '../../../../src/scheduler/generation/row-table';
import { makeRequest, waitingQueue } from './support';

const ARGS = {
  chunkedPrefillSize: -1,
  maxPrefillTokens: 16384,
  prefillMaxRequests: null,
  pageSize: 1,
  schedulePolicy: 'fcfs' as const,
  disableRadixCache: true,
  enablePriorityScheduling: true,
  scheduleLowPriorityValuesFirst: false,
  prioritySchedulingPreemptionThreshold: 0,
};

/** Admission over books without keys and values. */
function setUp(totalTokens: number, more: Partial<typeof ARGS> = {}, evictionPolicy: EvictionPolicy = 'lru') {
  const args = { ...ARGS, ...more };
  const nothing = () => undefined;
  const store: KvStore = {
    ...{ rows: 8, capacity: totalTokens, slots: totalTokens, bytes: 0 },
    ...{ load: nothing, save: nothing, move: nothing, vacate: nothing, clear: nothing, bind: nothing },
    ...{ enter: nothing, leave: nothing },
    settled: () => null,
  };
  const ledger = KvLedger.create({ ...args, totalTokens, evictionPolicy });
  const rows = new RowTable(store);
  const memory = new RequestMemory(ledger, store, rows);
  const waiting = waitingQueue({ priority: true });
  const retract = (request: Request) => {
    memory.drop(request);
    request.retract(0);
    waiting.putBack(request);
  };
  const ratio = new NewTokenRatio(1, {});
  const prefill = new PrefillManager(args, waiting, rows, memory, ledger, ratio, retract, () => 0);
  /** Computes what a round gave. */
  const compute = (items: ReturnType<PrefillManager['next']>) => {
    for (const { request, tokens } of items) {
      request.cachedLen += tokens;
      if (request.extendLen > 0) continue;
      rows.promote(request);
      request.append(1);
    }
  };
  return { compute, ledger, prefill, rows, waiting };
}

const rids = (items: ReturnType<PrefillManager['next']>) => items.map(({ request }) => request.rid);

function ask(rid: string, length: number, maxNewTokens: number, priority: number | null = null): Request {
  return makeRequest({
    rid,
    prompt: new Array<number>(length).fill(2),
    sampling: { maxNewTokens },
    priority,
  });
}

it('admits a request in the very round in which it pushes out another', () => {
  const { compute, prefill, waiting } = setUp(64);
  waiting.add(ask('low', 20, 30, 1));
  compute(prefill.next(0));
  waiting.add(ask('high', 30, 30, 9));
  expect(rids(prefill.next(0))).toEqual(['high']);
  expect(waiting.all.map(({ rid }) => rid)).toEqual(['low']);
});

it('does so too when a part of the prompt is cached', () => {
  const { compute, ledger, prefill, waiting } = setUp(64, { disableRadixCache: false });
  const cached = new Int32Array(20).fill(2);
  const slots = ledger.reserve(20) ?? new Int32Array(0);
  ledger.cache.insert(cached, slots, null);
  waiting.add(makeRequest({ rid: 'low', prompt: [3, 4, 5], sampling: { maxNewTokens: 40 }, priority: 1 }));
  compute(prefill.next(0));
  waiting.add(ask('high', 35, 20, 9));
  expect(prefill.next(0)).toMatchObject([{ request: { rid: 'high' }, tokens: 15, cached: 20 }]);
});

it('pushes nobody out for a request that would not fit even so', () => {
  const { compute, prefill, rows, waiting } = setUp(64);
  waiting.add(ask('urgent', 20, 10, 10));
  waiting.add(ask('low', 10, 5, 1));
  compute(prefill.next(0));
  expect(rows.decoding).toHaveLength(2);
  waiting.add(ask('high', 30, 20, 9));
  expect(prefill.next(0)).toEqual([]);
  expect(rows.decoding).toHaveLength(2);
});

it('lets no prompt overtake an earlier one that waits for memory', () => {
  const { ledger, prefill, rows, waiting } = setUp(64, { pageSize: 16 });
  // Three pages are left, which in tokens are enough for all of them: two, two and one page.
  ledger.reserve(16);
  waiting.add(ask('first', 17, 1));
  waiting.add(ask('second', 17, 1));
  waiting.add(ask('third', 5, 1));
  expect(rids(prefill.next(0))).toEqual(['first']);
  expect(rows.prefilling.map(({ rid }) => rid)).toEqual(['first', 'second', 'third']);
});

it.each(['lru', 'lfu'] as const)(
  'keeps the order of eviction while a request cannot be admitted (%s)',
  (policy) => {
    const { ledger, prefill, waiting } = setUp(64, { disableRadixCache: false }, policy);
    for (const token of [2, 3]) {
      ledger.cache.insert(new Int32Array(20).fill(token), ledger.reserve(20) ?? new Int32Array(0), null);
    }
    const held = ledger.reserve(20) ?? new Int32Array(0);
    waiting.add(ask('large', 30, 30));
    for (let round = 0; round < 50; round++) expect(prefill.next(round)).toEqual([]);
    // Its prefix was cached first, and has been looked at, not used.
    expect(ledger.cache.peek(new Int32Array(20).fill(2), 20, null).cachedLen).toBe(20);
    ledger.cache.evict(20);
    expect(ledger.cache.peek(new Int32Array(20).fill(2), 20, null).cachedLen).toBe(0);
    expect(ledger.cache.peek(new Int32Array(20).fill(3), 20, null).cachedLen).toBe(20);
    expect(held).toHaveLength(20);
  },
);

it('takes no more tokens than it is told to, and a page at least', () => {
  const { compute, prefill, waiting } = setUp(1024, { pageSize: 16 });
  waiting.add(ask('a', 100, 5));
  waiting.add(ask('b', 20, 5));
  const sizes: number[][] = [];
  for (const most of [40, 5, 37, 100]) {
    const items = prefill.next(0, most);
    sizes.push(items.map(({ tokens }) => tokens));
    compute(items);
  }
  expect(sizes).toEqual([[32], [16], [32], [20, 20]]);
});
