import type {
  DecodeParams,
  FinishReason,
  LogprobParams,
  PositionLogprobs,
  SamplingParams,
} from '../core/request';

/**
 * Everything that crosses a process boundary, named for its receiver. Plain data: a closed union on `type`, token ids
 * as typed arrays. Each receiver owns one inbox; anyone may push to it.
 */

/** A tokenized, validated request. */
export interface GenerateMsg {
  readonly type: 'generate';
  readonly rid: string;
  readonly inputIds: Int32Array;
  readonly sampling: SamplingParams;
  readonly decode: DecodeParams;
  /** null when no log-probabilities are wanted. */
  readonly logprobs: LogprobParams | null;
  readonly stream: boolean;
  /** Tokens between two outputs of a stream. */
  readonly streamInterval: number;
  /** Cache namespace: requests of different keys never share a prefix. */
  readonly extraKey: string | null;
  readonly priority: number | null;
  /** Groups requests for the `routing-key` policy. */
  readonly routingKey: string | null;
}

export type PauseMode = 'abort' | 'retract' | 'in_place';

export type SchedulerMsg =
  | GenerateMsg
  /** Ends a request as aborted, whether it waits or runs; unknown rids are ignored. */
  | { readonly type: 'abort'; readonly rid: string }
  | { readonly type: 'abort_all' }
  /** From the detokenizer: a stop string or regex matched; the request ended in text already. Frees its row. */
  | { readonly type: 'stopped'; readonly rid: string }
  | { readonly type: 'pause'; readonly callId: number; readonly mode: PauseMode }
  | { readonly type: 'continue'; readonly callId: number }
  | { readonly type: 'flush_cache'; readonly callId: number }
  | { readonly type: 'get_internal_state'; readonly callId: number };

/** What one step produced for one request. Counters are totals up to and including `newIds`. */
export interface TokenOutput {
  readonly rid: string;
  /** On the first output of a request, and only there: what the detokenizer must know to open its state. */
  readonly start: { readonly decode: DecodeParams; readonly promptTail: Int32Array } | null;
  readonly newIds: Int32Array;
  readonly finish: FinishReason | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly retractions: number;
  /** With log-probabilities: the prompt's positions, once, on the first output; else null. */
  readonly inputLogprobs: readonly PositionLogprobs[] | null;
  /** With log-probabilities: one entry for each of `newIds`; else null. */
  readonly outputLogprobs: readonly PositionLogprobs[] | null;
}

export interface DetokenizerMsg {
  readonly type: 'token_outputs';
  readonly outputs: readonly TokenOutput[];
}

/** A `TokenOutput` whose new tokens have become text. */
export interface TextOutput extends Omit<TokenOutput, 'start'> {
  /** Text to append to what was sent before. */
  readonly text: string;
}

/** A reading of the scheduler, pushed once a second and after each batch of a busy server. */
export interface SchedulerState {
  readonly running: number;
  readonly queued: number;
  /** Batches finished since start; proof of progress. */
  readonly forwardCount: number;
  /** Milliseconds the batch in progress has taken so far; 0 when none is. */
  readonly busyMs: number;
}

/** Answer to `get_internal_state`: what `/server_info` reports beyond the flags. */
export interface InternalState {
  readonly lastGenThroughput: number;
  readonly weightBytes: number;
  readonly kvCacheBytes: number;
  readonly graphBytes: number;
  readonly tokenCapacity: number;
  readonly maxRunningRequests: number;
}

export type ControlResult =
  | { readonly of: 'flush_cache'; readonly success: boolean }
  | { readonly of: 'pause' }
  | { readonly of: 'continue' }
  | { readonly of: 'get_internal_state'; readonly state: InternalState };

export type TokenizerManagerMsg =
  | { readonly type: 'text_outputs'; readonly outputs: readonly TextOutput[] }
  | { readonly type: 'heartbeat'; readonly state: SchedulerState }
  | { readonly type: 'control_reply'; readonly callId: number; readonly result: ControlResult };
