import type { SamplingParamsBody } from '../tokenizer-manager/sampling-params';

/** Requests of the engine: those of `/generate` and `/encode`, under SGLang's names. docs/api.md says more. */

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
  /** Which of `dpSize` schedulers runs it. */
  readonly routed_dp_rank?: number;
}

/** One text or a list of texts, or their token ids. */
export interface EncodeRequest {
  readonly text?: string | readonly string[];
  readonly input_ids?: readonly number[] | readonly (readonly number[])[];
  readonly rid?: string | readonly string[];
  readonly routed_dp_rank?: number;
}

/** A list for a request that is a list or asks for several samples, else one. */
export type ReplyTo<Request, Reply> = Request extends
  { readonly text: readonly string[] } | { readonly input_ids: readonly (readonly number[])[] }
  ? Reply[]
  : Request extends { readonly sampling_params: { readonly n: number } }
    ? Reply | Reply[]
    : Reply;
