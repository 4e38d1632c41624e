import { env } from '../../core/env';
import { commonPrefix } from '../kv/radix-node';

/** The policies that order the waiting queue, as pure functions: candidates in, candidates out. */

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

/** @param waiting in order of arrival */
type Policy = <C extends Candidate>(waiting: readonly C[], context: PolicyContext<C>) => C[];

/** First come, first served. */
const fcfs: Policy = (waiting) => [...waiting];

/** Longest cached prefix first. */
const lpm: Policy = (waiting, context) => {
  if (!context.cacheEnabled || waiting.length > LONGEST_PREFIX_LIMIT) return fcfs(waiting, context);
  const later = postponedForSharing(waiting, context.prefixLen);
  return sortBy(waiting, (candidate) => (later.has(candidate) ? 1 : -context.prefixLen(candidate)));
};

/** In the depth-first order of the prefix tree, heavier branches first. */
const dfsWeight: Policy = (waiting, context) => {
  if (!context.cacheEnabled) return fcfs(waiting, context);
  const later = postponedForSharing(waiting, context.prefixLen);
  const now = waiting.filter((candidate) => !later.has(candidate));
  return [...context.dfsOrder(now), ...waiting.filter((candidate) => later.has(candidate))];
};

/** Longest output first. */
const lof: Policy = (waiting) => sortBy(waiting, (candidate) => -candidate.maxNewTokens);

const random: Policy = (waiting, context) => shuffle(waiting, context.random);

/** Routing keys of which most requests run first. */
const routingKey: Policy = (waiting, context) => byRoutingKey(waiting, context.running);

/** The choices of `--schedule-policy`, beside `priority`. */
export const SCHEDULE_POLICIES = {
  lpm,
  random,
  fcfs,
  'dfs-weight': dfsWeight,
  lof,
  'routing-key': routingKey,
} as const satisfies Readonly<Record<string, Policy>>;

export type SchedulePolicy = keyof typeof SCHEDULE_POLICIES;

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
        commonPrefix(leader.ids.view(), candidate.ids.view(), 0, Infinity, 1) >= shared,
    );
    if (shares) postponed.add(candidate);
    else leaders.push(candidate);
  }
  return postponed;
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
