import { availableParallelism } from 'node:os';

/** Which of several model runners one is, that share a machine and start together. */
export interface Share {
  readonly rank: number;
  readonly of: number;
}

export const WHOLE: Share = { rank: 0, of: 1 };

/**
 * Threads a runner computes with: the machine's, divided; the first runners take what is left over. At least 1.
 * @param threads of the machine
 */
export function threadsOf({ rank, of }: Share, threads = availableParallelism()): number {
  return Math.max(1, Math.floor(threads / of) + (rank < threads % of ? 1 : 0));
}

/**
 * The host memory that is free for a runner. One that has the machine to itself asks the system. Several read it once, before
 * any of them loads anything, and count for themselves from then on what they take of their part: what the system says later
 * depends on how far the others have come.
 * @returns reads it, in bytes
 */
export function hostMemory({ of }: Share, machine: Pick<NodeJS.Process, 'availableMemory' | 'memoryUsage'>) {
  if (of === 1) return () => machine.availableMemory();
  const part = machine.availableMemory() / of;
  const before = machine.memoryUsage.rss();
  return () => Math.max(0, Math.floor(part - (machine.memoryUsage.rss() - before)));
}
