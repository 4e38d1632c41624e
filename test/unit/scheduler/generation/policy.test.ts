import {
  orderByPriority,
  SCHEDULE_POLICIES,
  postponedForSharing,
  type PolicyContext,
} from '../../../../src/scheduler/generation/policy';
import { preemptible, retractionOrder } from '../../../../src/scheduler/generation/retraction';

interface Waiting {
  name: string;
  ids: { view(): Int32Array };
  maxNewTokens: number;
  priority: number | null;
  routingKey: string | null;
  extraKey: string | null;
}

const waiting = (name: string, fields: Partial<Waiting> = {}, ids: number[] = []): Waiting => ({
  name,
  ids: { view: () => Int32Array.from(ids) },
  maxNewTokens: 10,
  priority: null,
  routingKey: null,
  extraKey: null,
  ...fields,
});

const context = (fields: Partial<PolicyContext<Waiting>> = {}): PolicyContext<Waiting> => ({
  prefixLen: () => 0,
  dfsOrder: (all) => [...all],
  running: [],
  cacheEnabled: true,
  random: () => 0.5,
  ...fields,
});

const names = (requests: readonly { name: string }[]) => requests.map(({ name }) => name).join('');

describe('policies', () => {
  const a = waiting('a', { maxNewTokens: 5 });
  const b = waiting('b', { maxNewTokens: 50 });
  const c = waiting('c', { maxNewTokens: 20 });
  const all = [a, b, c];

  it('fcfs keeps the order of arrival', () => {
    expect(names(SCHEDULE_POLICIES['fcfs'](all, context()))).toBe('abc');
  });

  it('lof puts the longest output first', () => {
    expect(names(SCHEDULE_POLICIES['lof'](all, context()))).toBe('bca');
  });

  it('lpm puts the longest cached prefix first and keeps ties', () => {
    const prefixes = new Map([
      [a, 40],
      [b, 90],
      [c, 40],
    ]);
    expect(names(SCHEDULE_POLICIES['lpm'](all, context({ prefixLen: (x) => prefixes.get(x) ?? 0 })))).toBe(
      'bac',
    );
  });

  it('lpm lets the first of several that share an uncached prefix go ahead', () => {
    const shared = Array.from({ length: 40 }, (_, i) => i);
    const first = waiting('1', {}, [...shared, 100]);
    const second = waiting('2', {}, [...shared, 200]);
    const other = waiting('3', {}, [7, 8, 9]);
    expect(names(SCHEDULE_POLICIES['lpm']([first, second, other], context()))).toBe('132');
    expect(postponedForSharing([first, { ...second, extraKey: 'k' }], () => 0).size).toBe(0);
  });

  it('dfs-weight follows the tree', () => {
    expect(names(SCHEDULE_POLICIES['dfs-weight'](all, context({ dfsOrder: () => [c, a, b] })))).toBe('cab');
  });

  it('routing-key prefers the keys that run most', () => {
    const x = waiting('x', { routingKey: 'x' });
    const y = waiting('y', { routingKey: 'y' });
    const running = [{ routingKey: 'y' }, { routingKey: 'y' }, { routingKey: 'x' }];
    expect(names(SCHEDULE_POLICIES['routing-key']([a, x, y], context({ running })))).toBe('yxa');
  });

  it('random is a permutation drawn from the given generator', () => {
    const draws = [0.9, 0.1];
    const shuffled = SCHEDULE_POLICIES['random'](all, context({ random: () => draws.pop() ?? 0 }));
    expect(names([...shuffled].sort((x, y) => x.name.localeCompare(y.name)))).toBe('abc');
    expect(names(shuffled)).not.toBe('abc');
  });

  it('is first come, first served where a cache-aware policy cannot work', () => {
    const many = Array.from({ length: 129 }, (_, i) => waiting(String(i)));
    const last = many.at(-1);
    const fitting = many.slice(1);
    const cached = { prefixLen: (one: unknown) => (one === last ? 100 : 0) };
    const reversed = { dfsOrder: <T>(all: readonly T[]) => [...all].reverse() };
    const { lpm, 'dfs-weight': dfsWeight } = SCHEDULE_POLICIES;
    expect(lpm(fitting, context({ ...cached, cacheEnabled: false }))).toEqual(fitting);
    expect(dfsWeight(fitting, context({ ...reversed, cacheEnabled: false }))).toEqual(fitting);
    expect(lpm(many, context(cached))).toEqual(many);
    expect(lpm(fitting, context(cached))[0]).toBe(last);
  });
});

describe('priorities', () => {
  const low = waiting('l', { priority: 1 });
  const high = waiting('h', { priority: 20 });
  const none = waiting('n');

  it('orders the larger number first, or the smaller when asked, and none last', () => {
    expect(names(orderByPriority([none, low, high], false))).toBe('hln');
    expect(names(orderByPriority([none, low, high], true))).toBe('lhn');
  });

  const running = (name: string, priority: number | null) => ({ name, priority, promptLen: 1, outputLen: 1 });

  it('preempts by a gap larger than the threshold only, worst first', () => {
    const all = [running('a', 5), running('b', 9), running('c', 10), running('d', null)];
    expect(names(preemptible({ priority: 20 }, all, 10, false))).toBe('dab');
    expect(names(preemptible({ priority: null }, all, 10, false))).toBe('');
    expect(names(preemptible({ priority: -6 }, all, 10, true))).toBe('dcba');
  });
});

it('retracts the fewest generated tokens first, then the longest prompt', () => {
  const running = [
    { name: 'a', promptLen: 5, outputLen: 9, priority: null },
    { name: 'b', promptLen: 5, outputLen: 2, priority: null },
    { name: 'c', promptLen: 50, outputLen: 2, priority: null },
  ];
  expect(names(retractionOrder(running))).toBe('cba');
});
