import { RequestError } from '../core/errors';

export interface ContextLimits {
  /** Tokens of prompt and output together. */
  readonly contextLen: number;
  /** Longest prompt the scheduler admits. */
  readonly maxReqInputLen: number;
  /** Cut what is too long instead of refusing it. */
  readonly autoTruncate: boolean;
}

/** How many tokens of a prompt are run and how many are generated at most. */
export interface Lengths {
  readonly promptTokens: number;
  readonly maxNewTokens: number;
}

/**
 * Fits a request into the context.
 * @param maxNewTokens null: as many as there is room for
 * @param isGiven whether a user chose `maxNewTokens`; the default is lowered silently
 * @throws RequestError `bad_value` when it does not fit and may not be cut
 */
export function fitToContext(
  promptTokens: number,
  maxNewTokens: number | null,
  isGiven: boolean,
  limits: ContextLimits,
): Lengths {
  const { contextLen, autoTruncate } = limits;
  const kept = autoTruncate ? Math.min(promptTokens, longestPrompt(limits)) : promptTokens;
  if (kept >= contextLen) refuseLength(String(promptTokens), contextLen);
  const wanted = maxNewTokens ?? contextLen - kept;
  if (isGiven && !autoTruncate && kept + wanted >= contextLen) {
    throw new RequestError(
      'bad_value',
      `Requested token count exceeds the model's maximum context length of ${contextLen} tokens. ` +
        `You requested a total of ${kept + wanted} tokens: ${kept} tokens from the input messages and ` +
        `${wanted} tokens for the completion. Please reduce the number of tokens in the input messages ` +
        'or the completion to fit within the limit.',
    );
  }
  const room = contextLen - kept - 1;
  return { promptTokens: kept, maxNewTokens: Math.min(wanted, Math.max(room, 0)) };
}

/** Where a prompt is cut. */
function longestPrompt({ contextLen, maxReqInputLen }: ContextLimits): number {
  return Math.max(1, Math.min(contextLen - 1, maxReqInputLen));
}

/** @param tokens how long the prompt is, in words */
export function refuseLength(tokens: string, contextLen: number): never {
  throw new RequestError(
    'bad_value',
    `The input (${tokens} tokens) is longer than the model's context length (${contextLen} tokens).`,
  );
}
