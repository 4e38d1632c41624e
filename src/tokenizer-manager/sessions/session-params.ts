/** Where in a session a request goes on. */
export interface SessionParams {
  readonly id: string;
  /** The request it goes on from; null begins anew. */
  readonly rid: string | null;
  /** How much of that request's prompt and output is kept, as Python slices: see `keptLength`. */
  readonly offset: number | null;
  /** Ends that request if it runs, and drops all that went on from it; without `rid`, all requests of the session. */
  readonly replace: boolean;
  /** Goes on from that request's prompt, without its output. */
  readonly dropPreviousOutput: boolean;
}

/**
 * Tokens that are kept of a context, as `context[:offset]` keeps them: a negative offset counts from the end, one beyond it
 * keeps all.
 * @param offset null and 0 keep all
 */
export function keptLength(contextLength: number, offset: number | null): number {
  if (offset === null || offset === 0) return contextLength;
  return offset < 0 ? Math.max(0, contextLength + offset) : Math.min(contextLength, offset);
}
