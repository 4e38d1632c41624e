import type { TokenCounts } from '../chat/choice-news';
import type { ReplyContext } from './reply-context';

/** What OpenAI's replies count. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly total_tokens: number;
  readonly completion_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number } | null;
  /** SGLang's place for them; OpenAI's is `completion_tokens_details`. */
  readonly reasoning_tokens: number;
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

/**
 * @param choices of each prompt one after the other; a prompt counts once however many choices it has
 * @param of choices of a prompt, and whether cached tokens are reported
 */
export function usageOf(
  choices: readonly TokenCounts[],
  { n, reportsCache }: Pick<ReplyContext, 'n' | 'reportsCache'>,
): Usage {
  const prompts = choices.filter((_, i) => i % n === 0);
  const prompt = sum(prompts.map(({ promptTokens }) => promptTokens));
  const completion = sum(choices.map(({ completionTokens }) => completionTokens));
  const cached = sum(prompts.map(({ cachedTokens }) => cachedTokens));
  const reasoning_tokens = sum(choices.map(({ reasoningTokens }) => reasoningTokens));
  return {
    prompt_tokens: prompt,
    total_tokens: prompt + completion,
    completion_tokens: completion,
    prompt_tokens_details: reportsCache && cached > 0 ? { cached_tokens: cached } : null,
    reasoning_tokens,
    completion_tokens_details: { reasoning_tokens },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Seconds since 1970. */
export function now(): number {
  return Math.floor(Date.now() / 1000);
}
