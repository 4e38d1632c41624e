import type { PositionLogprobs, TokenLogprob } from '../../core/request';
import type { GenerateResult, Tokenizer } from '../../tokenizer-manager';

/** What the rendering of all results of a request has in common. */
export interface RenderOptions {
  readonly tokenizer: Tokenizer | null;
  readonly weightVersion: string;
  readonly returnTextInLogprobs: boolean;
}

type Triple = readonly [logprob: number | null, id: number, text: string | null];

/**
 * One request's result in the form of `/generate`. A copy: what happens to the request afterwards does not show in it.
 * @param outputIds all of them, or a chunk's
 * @param isSentNow whether the reply reports the time it is sent
 */
export function renderResult(
  result: GenerateResult,
  outputIds: readonly number[],
  isSentNow: boolean,
  options: RenderOptions,
): Record<string, unknown> {
  return {
    ...(options.tokenizer === null ? {} : { text: result.text }),
    output_ids: [...outputIds],
    meta_info: {
      id: result.rid,
      finish_reason: result.finish,
      prompt_tokens: result.promptTokens,
      weight_version: options.weightVersion,
      total_retractions: result.retractions,
      ...renderLogprobs(result, options),
      completion_tokens: result.completionTokens,
      cached_tokens: result.cachedTokens,
      cached_tokens_details: null,
      ...(result.e2eLatency === null ? {} : { e2e_latency: result.e2eLatency }),
      ...(isSentNow ? { response_sent_to_client_ts: Date.now() / 1000 } : {}),
    },
  };
}

function renderLogprobs({ logprobs }: GenerateResult, options: RenderOptions): Record<string, unknown> {
  if (logprobs === null) return {};
  const { wanted, input, output } = logprobs;
  const { tokenizer } = options;
  const textOf = (id: number) =>
    options.returnTextInLogprobs && tokenizer !== null ? tokenizer.tokenText(id) : null;
  const triple = ([logprob, id]: TokenLogprob): Triple => [logprob, id, textOf(id)];
  const each = (positions: readonly PositionLogprobs[], pick: 'top' | 'chosen') =>
    positions.map((position) => position[pick]?.map(triple) ?? null);
  return {
    input_token_logprobs: input.map(({ token }) => triple(token)),
    output_token_logprobs: output.map(({ token }) => triple(token)),
    ...(wanted.topNum === 0
      ? {}
      : { input_top_logprobs: each(input, 'top'), output_top_logprobs: each(output, 'top') }),
    ...(wanted.tokenIds === null
      ? {}
      : {
          input_token_ids_logprobs: each(input, 'chosen'),
          output_token_ids_logprobs: each(output, 'chosen'),
        }),
  };
}
