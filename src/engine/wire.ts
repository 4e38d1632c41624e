import type { SamplingParamsBody } from '../tokenizer-manager/sampling-params';

/** Requests and replies of the engine: those of `/generate` and `/encode`, under SGLang's names. docs/api.md says more. */

/** One prompt or a list of prompts, as text or as token ids. */
export interface GenerateRequest {
  readonly text?: string | readonly string[];
  readonly input_ids?: readonly number[] | readonly (readonly number[])[];
  readonly sampling_params?: SamplingParamsBody | readonly SamplingParamsBody[];
  readonly rid?: string | readonly string[];
  readonly return_logprob?: boolean | readonly boolean[];
  /** From where on the prompt's own log-probabilities are returned; -1 for none. */
  readonly logprob_start_len?: number | readonly number[];
  readonly top_logprobs_num?: number | readonly number[];
  readonly token_ids_logprob?: readonly number[] | readonly (readonly number[])[];
  readonly return_text_in_logprobs?: boolean;
  readonly priority?: number;
  readonly extra_key?: string | readonly string[];
}

/** Log-probability, token id, and the token's text where it was asked for. */
export type Logprob = readonly [logprob: number | null, id: number, text: string | null];

export interface GenerateReply {
  /** Absent where the engine runs without a tokenizer. */
  readonly text?: string;
  readonly output_ids: readonly number[];
  /** Which prompt or sample of a list, in a stream. */
  readonly index?: number;
  readonly meta_info: {
    readonly id: string;
    /** null while the request runs. */
    readonly finish_reason: { readonly type: string; readonly [detail: string]: unknown } | null;
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    /** Prompt tokens that were found in the prefix cache. */
    readonly cached_tokens: number;
    readonly input_token_logprobs?: readonly Logprob[];
    readonly output_token_logprobs?: readonly Logprob[];
    readonly input_top_logprobs?: readonly (readonly Logprob[] | null)[];
    readonly output_top_logprobs?: readonly (readonly Logprob[] | null)[];
    readonly input_token_ids_logprobs?: readonly (readonly Logprob[] | null)[];
    readonly output_token_ids_logprobs?: readonly (readonly Logprob[] | null)[];
    /** Seconds. */
    readonly e2e_latency?: number;
    readonly [detail: string]: unknown;
  };
}

/** One text or a list of texts, or their token ids. */
export interface EncodeRequest {
  readonly text?: string | readonly string[];
  readonly input_ids?: readonly number[] | readonly (readonly number[])[];
  readonly rid?: string | readonly string[];
}

export interface EncodeReply {
  /** At length 1. */
  readonly embedding: readonly number[];
  readonly meta_info: {
    readonly id: string;
    readonly prompt_tokens: number;
    readonly [detail: string]: unknown;
  };
}

/** A list for a request that is a list or asks for several samples, else one. */
export type ReplyTo<Request, Reply> = Request extends
  { readonly text: readonly string[] } | { readonly input_ids: readonly (readonly number[])[] }
  ? Reply[]
  : Request extends { readonly sampling_params: { readonly n: number } }
    ? Reply | Reply[]
    : Reply;
