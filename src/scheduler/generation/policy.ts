import { env } from '../../core/env';
import { assertNever } from '../../core/errors';
import type { ServerArgs } from '../../server-args/server-args';

/** The policies that order the waiting queue, as pure functions: candidates in, candidates out. */
export type SchedulePolicy = ServerArgs['schedulePolicy'];

/** What a policy may look at. */
export interface Candidate {
  readonly ids: { view(): Int32Array };
  readonly maxNewTokens: number;
  readonly priority: number | null;
  readonly routingKey: string | null;
  readonly extraKey: string | null;
}

export interface PolicyContext<C> {
  /** Length of the cached prefix; 0 when there is no prefix cache. */
  readonly prefixLen: (candidate: C) => number;
  /** Candidates in the depth-first order of the prefix tree, heavier branches first. */
  readonly dfsOrder: (candidates: readonly C[]) => C[];
  /** Requests that run now. */
  readonly running: readonly { readonly routingKey: string | null }[];
  readonly cacheEnabled: boolean;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Above this many waiting requests matching each against the tree costs more than it gains. */
const LONGEST_PREFIX_LIMIT = 128;

/** Policies that look at the prefix cache; without it, or with too long a queue, they are first come, first served. */
export function effectivePolicy(
  policy: SchedulePolicy,
  waiting: number,
  cacheEnabled: boolean,
): SchedulePolicy {
  const cacheAware = policy === 'lpm' || policy === 'dfs-weight';
  if (cacheAware && !cacheEnabled) return 'fcfs';
  if (policy === 'lpm' && waiting > LONGEST_PREFIX_LIMIT) return 'fcfs';
  return policy;
}

/** @param waiting in order of arrival */
export function orderWaiting<C extends Candidate>(
  policy: SchedulePolicy,
  waiting: readonly C[],
  context: PolicyContext<C>,
): C[] {
  const effective = effectivePolicy(policy, waiting.length, context.cacheEnabled);
  switch (effective) {
    case 'fcfs':
      return [...waiting];
    case 'lpm': {
      const later = postponedForSharing(waiting, context.prefixLen);
      return sortBy(waiting, (candidate) => (later.has(candidate) ? 1 : -context.prefixLen(candidate)));
    }
    case 'dfs-weight': {
      const later = postponedForSharing(waiting, context.prefixLen);
      const now = waiting.filter((candidate) => !later.has(candidate));
      return [...context.dfsOrder(now), ...waiting.filter((candidate) => later.has(candidate))];
    }
    case 'lof':
      return sortBy(waiting, (candidate) => -candidate.maxNewTokens);
    case 'random':
      return shuffle(waiting, context.random);
    case 'routing-key':
      return byRoutingKey(waiting, context.running);
    default:
      return assertNever(effective);
  }
}

/** Most urgent first; a missing priority is the least urgent; ties keep their order. */
export function orderByPriority<C extends Candidate>(waiting: readonly C[], lowValuesFirst: boolean): C[] {
  return sortBy(waiting, (candidate) => urgencyRank(candidate.priority, lowValuesFirst));
}

/** Smaller is more urgent. */
export function urgencyRank(priority: number | null, lowValuesFirst: boolean): number {
  if (priority === null) return Infinity;
  return lowValuesFirst ? priority : -priority;
}

/**
 * Candidates that share a long prefix with an earlier one which is not cached yet: better to let the first compute it and
 * the others find it.
 */
export function postponedForSharing<C extends Candidate>(
  waiting: readonly C[],
  prefixLen: (candidate: C) => number,
): Set<C> {
  const checked = env('IN_BATCH_PREFIX_CACHING_CHECK_THRESHOLD');
  const shared = env('IN_BATCH_PREFIX_CACHING_DEPRIORITIZE_THRESHOLD');
  const postponed = new Set<C>();
  const leaders: C[] = [];
  for (const candidate of waiting) {
    if (prefixLen(candidate) > checked) continue;
    const shares = leaders.some(
      (leader) =>
        leader.extraKey === candidate.extraKey &&
        commonPrefix(leader.ids.view(), candidate.ids.view()) >= shared,
    );
    if (shares) postponed.add(candidate);
    else leaders.push(candidate);
  }
  return postponed;
}

function commonPrefix(a: Int32Array, b: Int32Array): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length++;
  return length;
}

/** Keys that run already come first, the most frequent before the others: their adapters or prefixes are warm. */
function byRoutingKey<C extends Candidate>(
  waiting: readonly C[],
  running: readonly { readonly routingKey: string | null }[],
): C[] {
  const counts = new Map<string, number>();
  for (const { routingKey } of running) {
    if (routingKey !== null) counts.set(routingKey, (counts.get(routingKey) ?? 0) + 1);
  }
  return sortBy(waiting, ({ routingKey }) => -(routingKey === null ? 0 : (counts.get(routingKey) ?? 0)));
}

/** Stable, ascending. Keys are computed once each. */
function sortBy<C>(items: readonly C[], key: (item: C) => number): C[] {
  return items
    .map((item) => ({ item, rank: key(item) }))
    .sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank))
    .map(({ item }) => item);
}

function shuffle<C>(items: readonly C[], random: () => number): C[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffled[i], shuffled[j]] = [shuffled[j] as C, shuffled[i] as C];
  }
  return shuffled;
}
