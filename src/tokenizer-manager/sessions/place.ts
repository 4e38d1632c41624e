import type { Session } from './session';
import type { SessionParams } from './session-params';
import type { Turn } from './turn';

/** Where in a session a request goes on. */
export interface Place {
  readonly session: Session;
  readonly params: SessionParams;
  readonly parent: Turn | null;
  /** Tokens of the parent's context that the prompt begins with. */
  readonly kept: number;
}

/**
 * The whole prompt of a request: what it keeps of the context, and its own tokens. A beginning-of-sequence token that a
 * tokenizer put before them belongs to a text of its own, not in the middle of one.
 * @param bosTokenId null where there is none
 */
export function continued(
  { parent, kept }: Pick<Place, 'parent' | 'kept'>,
  ids: readonly number[],
  bosTokenId: number | null,
): Int32Array {
  if (parent === null) return Int32Array.from(ids);
  const own = bosTokenId !== null && ids[0] === bosTokenId ? ids.slice(1) : ids;
  const prompt = new Int32Array(kept + own.length);
  prompt.set(parent.context(kept));
  prompt.set(own, kept);
  return prompt;
}
