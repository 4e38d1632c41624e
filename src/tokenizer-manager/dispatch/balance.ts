import { bug } from '../../core/errors';
import type { ServerArgs } from '../../server-args/server-args';

/** Which of several schedulers a request goes to: a pure function of what each has to do and has cached. */

export type BalanceMethod = ServerArgs['loadBalanceMethod'];

/** A scheduler as a request finds it. */
export interface Candidate {
  /** Requests it was sent that have not ended. */
  readonly requests: number;
  /** Their tokens: prompts, and what has been generated. */
  readonly tokens: number;
  /** Tokens of the request's prompt that it has computed before, and has presumably cached. */
  readonly cached: number;
}

/**
 * Cached tokens that outweigh one request more. A prompt that many have in common thus stays where it is cached until that
 * scheduler is busy with so many requests more than another that computing it there as well is worth it; a few tokens in
 * common, as all conversations begin with, keep nobody from an idle scheduler.
 */
export const TOKENS_PER_REQUEST = 64;

/** What speaks for a scheduler, the weightiest first: of two, the one with more of the first that differs is taken. */
const ORDERS = {
  auto: ({ cached, requests, tokens }: Candidate) => [
    cached - TOKENS_PER_REQUEST * requests,
    -requests,
    -tokens,
  ],
  round_robin: () => [],
  total_requests: ({ requests, tokens }: Candidate) => [-requests, -tokens],
  total_tokens: ({ requests, tokens }: Candidate) => [-tokens, -requests],
} as const satisfies Record<BalanceMethod, (candidate: Candidate) => readonly number[]>;

/**
 * @param candidates by rank, at least one
 * @param turn the rank that is asked first, from 0: it wins among equals
 * @returns the rank
 */
export function chooseRank(method: BalanceMethod, candidates: readonly Candidate[], turn: number): number {
  const order: (candidate: Candidate) => readonly number[] = ORDERS[method];
  let best: { readonly rank: number; readonly merits: readonly number[] } | null = null;
  for (let i = 0; i < candidates.length; i++) {
    const rank = (turn + i) % candidates.length;
    const candidate = candidates[rank];
    if (candidate === undefined) throw bug(`turn ${turn} of ${candidates.length}`);
    const merits = order(candidate);
    if (best === null || isBetter(merits, best.merits)) best = { rank, merits };
  }
  if (best === null) throw bug('no scheduler to choose');
  return best.rank;
}

function isBetter(one: readonly number[], other: readonly number[]): boolean {
  for (const [i, merit] of one.entries()) {
    const difference = merit - (other[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
