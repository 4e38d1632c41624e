import type { DraftCounts, FinishReason, PositionLogprobs, TokenLogprob } from '../../core/request';
import type { GenerateJob, GenerateResult, Tokenizer, TokenizerManager } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import type { GenerateBody } from './generate-body';

const NO_DRAFTS: DraftCounts = { runs: 0, drafted: 0, accepted: 0, histogram: [] };

/** Log-probability, token id, and the token's text where it was asked for. */
export type Logprob = readonly [logprob: number | null, id: number, text: string | null];

interface LogprobFields {
  readonly input_token_logprobs?: readonly Logprob[];
  readonly output_token_logprobs?: readonly Logprob[];
  readonly input_top_logprobs?: readonly (readonly Logprob[] | null)[];
  readonly output_top_logprobs?: readonly (readonly Logprob[] | null)[];
  readonly input_token_ids_logprobs?: readonly (readonly Logprob[] | null)[];
  readonly output_token_ids_logprobs?: readonly (readonly Logprob[] | null)[];
}

/** What `/generate` says of one prompt or sample. */
export interface GenerateReply {
  /** Absent where there is no tokenizer. */
  readonly text?: string;
  readonly output_ids: readonly number[];
  /** Which prompt or sample of a list, in a stream. */
  readonly index?: number;
  readonly meta_info: LogprobFields & {
    readonly id: string;
    /** null while the request runs. */
    readonly finish_reason: FinishReason | null;
    readonly prompt_tokens: number;
    readonly weight_version: string;
    /** How often it gave its memory back and started anew. */
    readonly total_retractions: number;
    readonly completion_tokens: number;
    /** Tokens in which the model thought, with `--reasoning-parser`. */
    readonly reasoning_tokens?: number;
    /** Prompt tokens that were found in the prefix cache. */
    readonly cached_tokens: number;
    readonly cached_tokens_details: null;
    /** With `--speculative-algorithm`, of a request that has ended: see `DraftCounts`. */
    readonly spec_verify_ct?: number;
    readonly spec_draft_token_num?: number;
    readonly spec_accept_token_num?: number;
    readonly spec_accept_rate?: number;
    readonly spec_accept_length?: number;
    readonly spec_accept_histogram?: readonly number[];
    /** Seconds. */
    readonly e2e_latency?: number;
    /** Seconds since 1970. */
    readonly response_sent_to_client_ts?: number;
  };
}

/** What the rendering of all results of a request has in common. */
interface RenderOptions {
  readonly tokenizer: Tokenizer | null;
  readonly served: Pick<TokenizerManager['served'], 'weightVersion'>;
  /** Chunks hold the new ids only. */
  readonly streamOutput: boolean;
  readonly returnTextInLogprobs: boolean;
  /** Whether it is known which tokens are thoughts. */
  readonly knowsReasoning: boolean;
  /** Whether tokens are drafted. */
  readonly drafts: boolean;
}

export function renderOptions(
  { args, manager }: Pick<AppDeps, 'args' | 'manager'>,
  { returnTextInLogprobs }: GenerateBody,
): RenderOptions {
  const { streamOutput } = args;
  const { reasoning, served, tokenizer } = manager;
  const knowsReasoning = reasoning !== null;
  const drafts = args.speculativeAlgorithm !== null;
  return { tokenizer, served, streamOutput, returnTextInLogprobs, knowsReasoning, drafts };
}

/** The whole reply, once all requests have ended. @throws RequestError as `GenerateJob.results` */
export async function wholeReply(
  job: GenerateJob,
  options: RenderOptions,
): Promise<GenerateReply | GenerateReply[]> {
  const results = await job.results();
  const replies = results.map((result) => renderResult(result, result.outputIds, true, options));
  return job.isBatch ? replies : (replies[0] as GenerateReply);
}

/** The reply as it grows. */
export function replyChunks(job: GenerateJob, options: RenderOptions): AsyncGenerator<GenerateReply> {
  return job.chunks(({ index, result, newIds, isFirst }) => {
    const ids = options.streamOutput ? newIds : result.outputIds;
    const chunk = renderResult(result, ids, isFirst, options);
    return job.isBatch ? { ...chunk, index } : chunk;
  });
}

/**
 * One request's result in the form of `/generate`. A copy: what happens to the request afterwards does not show in it.
 * @param outputIds all of them, or a chunk's
 * @param isSentNow whether the reply reports the time it is sent
 */
function renderResult(
  result: GenerateResult,
  outputIds: readonly number[],
  isSentNow: boolean,
  options: RenderOptions,
): GenerateReply {
  return {
    ...(options.tokenizer === null ? {} : { text: result.text }),
    output_ids: [...outputIds],
    meta_info: {
      id: result.rid,
      finish_reason: result.finish,
      prompt_tokens: result.promptTokens,
      weight_version: options.served.weightVersion,
      total_retractions: result.retractions,
      ...renderLogprobs(result, options),
      completion_tokens: result.completionTokens,
      ...(options.knowsReasoning ? { reasoning_tokens: result.reasoningTokens } : {}),
      cached_tokens: result.cachedTokens,
      cached_tokens_details: null,
      ...(options.drafts && result.finish !== null ? renderDrafts(result) : {}),
      ...(result.e2eLatency === null ? {} : { e2e_latency: result.e2eLatency }),
      ...(isSentNow ? { response_sent_to_client_ts: Date.now() / 1000 } : {}),
    },
  };
}

function renderDrafts({ completionTokens, drafts }: GenerateResult) {
  const { runs, drafted, accepted, histogram } = drafts ?? NO_DRAFTS;
  return {
    spec_verify_ct: runs,
    spec_draft_token_num: drafted,
    spec_accept_token_num: accepted,
    spec_accept_rate: drafted === 0 ? 0 : accepted / drafted,
    spec_accept_length: runs === 0 ? 0 : completionTokens / runs,
    spec_accept_histogram: histogram,
  };
}

function renderLogprobs({ logprobs }: GenerateResult, options: RenderOptions): LogprobFields {
  if (logprobs === null) return {};
  const { wanted, input, output } = logprobs;
  const { tokenizer } = options;
  const textOf = (id: number) =>
    options.returnTextInLogprobs && tokenizer !== null ? tokenizer.tokenText(id) : null;
  const triple = ([logprob, id]: TokenLogprob): Logprob => [logprob, id, textOf(id)];
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
