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
  /** Has a grammar hold only after the thoughts; needs `--reasoning-parser`, as do all limits of thought. */
  readonly require_reasoning?: boolean;
  /** Tokens of thought at most. */
  readonly max_thinking_tokens?: number;
  readonly priority?: number;
  readonly extra_key?: string | readonly string[];
  /** Which of `dpSize` schedulers runs it. */
  readonly routed_dp_rank?: number;
  /** Where in a session of `openSession` it goes on. */
  readonly session_params?: SessionParams;
}

/** Where in a session a request goes on: docs/api.md says how. */
export interface SessionParams {
  readonly id: string;
  /** The request it goes on from; without it, it begins anew. */
  readonly rid?: string | null;
  /** How much of that request's context is kept, as Python slices; all of it for 0. */
  readonly offset?: number | null;
  readonly replace?: boolean | null;
  readonly drop_previous_output?: boolean | null;
}

export interface OpenSessionRequest {
  /** SGLang asks for it; it has no effect. */
  readonly capacity_of_str_len: number;
  readonly session_id?: string | null;
  /** Each request goes on from the last one; needs `enableStreamingSession`. */
  readonly streaming?: boolean | null;
  /** Seconds without requests after which it is closed. */
  readonly timeout?: number | null;
}

/** One text or a list of texts, or their token ids. */
export interface EncodeRequest {
  readonly text?: string | readonly string[];
  readonly input_ids?: readonly number[] | readonly (readonly number[])[];
  /** Values of a vector, for models that allow it (matryoshka). */
  readonly dimensions?: number;
  /** What the model puts before texts, by its name (`query`, say). */
  readonly prompt_name?: string;
  readonly rid?: string | readonly string[];
  readonly routed_dp_rank?: number;
}

/** Other weights for the model. docs/api.md says what each field does. */
export interface UpdateWeightsRequest {
  /** A folder, the name of a checkpoint that ships with the package, or a hub id. */
  readonly model_path: string;
  readonly load_format?: 'auto' | 'safetensors' | 'dummy' | null;
  /** Ends all requests in place of waiting for them. */
  readonly abort_all_requests?: boolean;
  /** What replies say in `weight_version` from then on. */
  readonly weight_version?: string | null;
  /** Whether keys and values of the old weights are forgotten; they are unless it is false. */
  readonly flush_cache?: boolean;
}

/** What can be given back to the system. */
export type MemoryTags = readonly ('weights' | 'kv_cache' | 'cuda_graph')[];

/** A query and the items to score with it: all of them texts, or all of them token ids. */
export interface ScoreRequest {
  readonly query: string | readonly number[];
  readonly items: string | readonly string[] | readonly (readonly number[])[];
  /** Tokens whose probability is asked for; only a classifier needs none, because it has labels of its own. */
  readonly label_token_ids?: readonly number[];
  /** False unless told otherwise. */
  readonly apply_softmax?: boolean;
  /** Whether an item stands before the query; it stands behind it unless told otherwise. */
  readonly item_first?: boolean;
  readonly rid?: string | readonly string[];
  readonly priority?: number;
  readonly extra_key?: string | readonly string[];
  readonly routed_dp_rank?: number;
}

/** A list for a request that is a list or asks for several samples, else one. */
export type ReplyTo<Request, Reply> = Request extends
  { readonly text: readonly string[] } | { readonly input_ids: readonly (readonly number[])[] }
  ? Reply[]
  : Request extends { readonly sampling_params: { readonly n: number } }
    ? Reply | Reply[]
    : Reply;
