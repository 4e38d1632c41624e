import { urgencyRank } from './policy';

/** Who has to give up its row when memory runs out or a more urgent request waits: pure functions over lengths. */
export interface Retractable {
  readonly promptLen: number;
  readonly outputLen: number;
  readonly priority: number | null;
}

/** Running requests in the order they are retracted: the fewest generated tokens first, then the longest prompt. */
export function retractionOrder<R extends Retractable>(running: readonly R[]): R[] {
  return [...running].sort((a, b) => a.outputLen - b.outputLen || b.promptLen - a.promptLen);
}

/**
 * Running requests that a waiting one may push out, the least urgent first: those whose priority is worse by more than
 * `threshold`. A request without a priority is the least urgent of all, and pushes nobody out.
 */
export function preemptible<R extends Retractable>(
  candidate: { readonly priority: number | null },
  running: readonly R[],
  threshold: number,
  lowValuesFirst: boolean,
): R[] {
  if (candidate.priority === null) return [];
  const rank = (priority: number | null) => urgencyRank(priority, lowValuesFirst);
  const mine = rank(candidate.priority);
  return running
    .filter(({ priority }) => rank(priority) - mine > threshold)
    .sort((a, b) => (rank(a.priority) === rank(b.priority) ? 0 : rank(b.priority) - rank(a.priority)));
}
