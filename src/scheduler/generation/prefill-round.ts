import { env } from '../../core/env';
import type { Request } from './request';

/** What one round of admission may spend. All in tokens, but for `requests` and `rows`. */
export interface PrefillBudget {
  /** Free and evictable KV tokens that are not spoken for by running requests. */
  readonly total: number;
  /** Tokens of prompts in one batch (`--max-prefill-tokens`). */
  readonly input: number;
  /** Tokens of one chunk (`--chunked-prefill-size`); Infinity when chunking is off. */
  readonly chunk: number;
  /** Requests of one batch (`--prefill-max-requests`). */
  readonly requests: number;
  /** Free KV rows. */
  readonly rows: number;
  readonly pageSize: number;
}

/** A request's share of this round: its next `tokens` tokens are computed. */
export interface PrefillItem {
  readonly request: Request;
  readonly tokens: number;
  /** Tokens it found in the prefix cache on admission; 0 when it continues. */
  readonly cached: number;
}

/** Tokens that a batch of prompts computes. */
export function tokensOf(items: readonly Pick<PrefillItem, 'tokens'>[]): number {
  return items.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** Tokens that its requests found in the prefix cache. */
export function cachedOf(items: readonly Pick<PrefillItem, 'cached'>[]): number {
  return items.reduce((sum, { cached }) => sum + cached, 0);
}

/** Upstream's bound on how many future tokens of one request admission keeps room for. */
export const CLIP_MAX_NEW_TOKENS = env('SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION');

/** Tokens a running request may still take, as admission estimates it. */
export function reservedTokens(running: readonly { readonly remainLen: number }[], ratio: number): number {
  return running.reduce((sum, { remainLen }) => sum + Math.min(remainLen, CLIP_MAX_NEW_TOKENS) * ratio, 0);
}

/**
 * One round of admission: lives for one scheduling decision and holds what is left of its budget. `tryAdd` either takes a
 * request on or says that the round is over.
 */
export class PrefillRound {
  readonly items: PrefillItem[] = [];
  private total: number;
  private input: number;
  private chunk: number;
  private rows: number;

  constructor(private readonly budget: PrefillBudget) {
    this.total = budget.total;
    this.input = budget.input;
    this.chunk = budget.chunk;
    this.rows = budget.rows;
  }

  /** Continues a request whose row is taken and whose prompt is not complete. Its tokens are spoken for already. */
  resume(request: Request): void {
    this.take(request, request.extendLen, 0);
  }

  /** Takes memory out of the round's budget that became unavailable, e.g. because a prefix was pinned. */
  charge(tokens: number): void {
    this.total -= tokens;
  }

  /** Adds the row of a retracted request, and the memory it held or was kept free for it. */
  refund(tokens: number): void {
    this.total += tokens;
    this.rows += 1;
  }

  /**
   * Whether a waiting request could be taken on.
   * @param extendLen tokens left to compute once the cached prefix is in place
   */
  admits(request: Request, extendLen: number): boolean {
    if (this.rows <= 0 || this.items.length >= this.budget.requests) return false;
    if (this.chunk < this.budget.pageSize || this.input <= 0) return false;
    if (!this.hasTokens(request, extendLen)) return false;
    // Where a prompt is cut must not hang on who came before it, where its bits count.
    if (request.isScored && extendLen > this.chunk && this.items.length > 0) return false;
    // A prompt larger than the whole input budget still runs, alone.
    return extendLen < this.input || this.items.length === 0;
  }

  /** Whether memory for the rest of a waiting request is left, were there `more` tokens of it. */
  hasTokens(request: Request, extendLen: number, more = 0): boolean {
    return extendLen + Math.min(request.remainLen, CLIP_MAX_NEW_TOKENS) < this.total + more;
  }

  /** Takes on a request that `admits` agreed to: whole, or as far as the chunk goes. */
  add(request: Request, extendLen: number): void {
    this.rows -= 1;
    this.total -= extendLen + Math.min(request.remainLen, CLIP_MAX_NEW_TOKENS);
    this.take(request, extendLen, request.length - extendLen);
  }

  private take(request: Request, extendLen: number, cached: number): void {
    const { pageSize } = this.budget;
    const whole = extendLen <= this.chunk;
    const chunk = Math.floor(this.chunk / pageSize) * pageSize;
    const leavesOne = request.isScored && extendLen === chunk + 1 && chunk > pageSize;
    const tokens = whole ? extendLen : leavesOne ? chunk - pageSize : chunk;
    this.input -= tokens;
    // Prompts complete in the order of their rows: what a cut one leaves of the chunk is nobody's.
    this.chunk = whole ? this.chunk - tokens : 0;
    if (tokens > 0) this.items.push({ request, tokens, cached });
  }
}
