import type { PositionLogprobs, TokenLogprob } from '../../core/request';

/** The text of a token as it stands in a text. */
export type TextOf = (id: number) => string;

/** Log-probabilities in the form of completions. */
export interface CompletionLogprobs {
  /** SGLang does not report where tokens begin. */
  readonly text_offset: readonly -1[];
  readonly token_logprobs: readonly (number | null)[];
  readonly tokens: readonly string[];
  /** The likeliest tokens at each position; null where no distribution preceded it. */
  readonly top_logprobs: readonly (Readonly<Record<string, number | null>> | null)[];
}

export function completionLogprobs(
  positions: readonly PositionLogprobs[],
  textOf: TextOf,
): CompletionLogprobs {
  const top = (likeliest: readonly TokenLogprob[]) =>
    Object.fromEntries(likeliest.map(([logprob, id]) => [textOf(id), logprob]));
  return {
    text_offset: positions.map(() => -1),
    token_logprobs: positions.map(({ token: [logprob] }) => logprob),
    tokens: positions.map(({ token: [, id] }) => textOf(id)),
    top_logprobs: positions.map((position) => (position.top === null ? null : top(position.top))),
  };
}

/** One token in the form of chat completions. */
interface ChatToken {
  readonly token: string;
  /** Of its text in UTF-8. */
  readonly bytes: readonly number[];
  readonly logprob: number | null;
}

export interface ChatLogprobs {
  readonly content: readonly (ChatToken & { readonly top_logprobs: readonly ChatToken[] })[];
}

export function chatLogprobs(positions: readonly PositionLogprobs[], textOf: TextOf): ChatLogprobs {
  const tokenOf = ([logprob, id]: TokenLogprob): ChatToken => {
    const token = textOf(id);
    return { token, bytes: [...Buffer.from(token)], logprob };
  };
  return {
    content: positions.map(({ token, top }) => ({
      ...tokenOf(token),
      top_logprobs: (top ?? []).map(tokenOf),
    })),
  };
}
