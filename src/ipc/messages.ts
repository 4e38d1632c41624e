import {
  samplingParams,
  type DecodeParams,
  type DraftCounts,
  type FinishReason,
  type LogprobParams,
  type PositionLogprobs,
  type SamplingParams,
} from '../core/request';
import { metricSample, type MetricSample } from '../core/metric-sample';
import { thinking, type Thinking } from '../core/thinking';
import { traceFields, type TraceFields } from '../core/trace-fields';
import type { ServerArgs } from '../server-args/server-args';
import {
  boolean,
  fields,
  is,
  list,
  listOf,
  nullOr,
  number,
  oneOf,
  string,
  tokens,
  type Check,
  type Checked,
} from '../core/check';

/**
 * Everything that crosses a process boundary, named for its receiver. Plain data: a closed union on `type`, token ids
 * as typed arrays. Each process owns one inbox; anyone may push to it. A `rank` says which scheduler a message comes from. `MESSAGES`, at the end, is the one table of them:
 * a message is declared there and nowhere else.
 */

/** A tokenized, validated request. */
interface GenerateFields {
  readonly rid: string;
  /** Which of the `n` samples of its prompt this is, from 0: samples with one seed draw different numbers. */
  readonly sample: number;
  readonly inputIds: Int32Array;
  readonly sampling: SamplingParams;
  readonly decode: DecodeParams;
  /** null where the model does not think before it answers, or nobody needs to know. */
  readonly thinking: Thinking | null;
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
  /** null where the request is not traced. */
  readonly trace: TraceFields | null;
}

/** A tokenized, validated request for a vector. */
interface EmbedFields {
  readonly rid: string;
  readonly inputIds: Int32Array;
  /** First token of the second text of a pair, for models that tell the two apart; null otherwise. */
  readonly pairAt: number | null;
  /** Whether the vector is wanted as it is before anything brings it to length 1. */
  readonly isRaw?: true;
  /** null where the request is not traced. */
  readonly trace: TraceFields | null;
}

export type PauseMode = 'abort' | 'retract' | 'in_place';

/** What is to become of the record of chosen experts. */
export type ExpertOrder = 'start' | 'stop' | 'dump';

/** What the detokenizer must know to open the state of a request. */
export interface OutputStart {
  readonly decode: DecodeParams;
  /** Until this many tokens exist, no stop string and no stop regex ends the request. */
  readonly minNewTokens: number;
  /** The last tokens of the prompt. */
  readonly promptTail: Int32Array;
  /** null where the request is not traced. */
  readonly trace: TraceFields | null;
}

/** What one step produced for one request. Counters are totals up to and including `newIds`. */
export interface TokenOutput {
  readonly rid: string;
  /** On the first output of a request, and only there. */
  readonly start: OutputStart | null;
  readonly newIds: Int32Array;
  readonly finish: FinishReason | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Of the output, up to the end of the thoughts, that end included; 0 where nobody asked for them. */
  readonly reasoningTokens: number;
  readonly cachedTokens: number;
  readonly retractions: number;
  /** Only where tokens are drafted. */
  readonly drafts?: DraftCounts;
  /** With log-probabilities: the prompt's positions, once, on the first output; else null. */
  readonly inputLogprobs: readonly PositionLogprobs[] | null;
  /** With log-probabilities: one entry for each of `newIds`, or the one that `LogprobParams.next` asks for; else null. */
  readonly outputLogprobs: readonly PositionLogprobs[] | null;
}

/** A `TokenOutput` whose new tokens have become text. */
export interface TextOutput extends Omit<TokenOutput, 'start'> {
  /** Text to append to what was sent before. */
  readonly text: string;
}

/** What became of one request for a vector. */
export interface VectorOutput {
  readonly rid: string;
  /** null when the request was ended without one; `finish` then says why. */
  readonly vector: Float32Array | null;
  readonly promptTokens: number;
  readonly finish: FinishReason;
}

/** A reading of the scheduler, pushed once a second. */
export interface SchedulerState {
  readonly running: number;
  readonly queued: number;
  /** Batches finished since start; proof of progress. */
  readonly forwardCount: number;
  /** Milliseconds the batch in progress has taken so far; 0 when none is. */
  readonly busyMs: number;
}

/** What a scheduler has to do, and what it has for it. Tokens are those of the KV cache. */
export interface SchedulerLoad {
  readonly running: number;
  readonly queued: number;
  /** Of those that wait: how many wait for a grammar or another preparation, and how many ran before. */
  readonly preparing: number;
  readonly retracted: number;
  /** Whether all of them are held by `pause`. */
  readonly paused: boolean;
  readonly maxRunning: number;
  readonly usedTokens: number;
  /** Prompt and output of what waits. */
  readonly queuedTokens: number;
  readonly totalTokens: number;
  /** Tokens a second in the last interval of decode steps. */
  readonly genThroughput: number;
  /** Share of the last prefill batch that was cached. */
  readonly cacheHitRate: number;
  /** null where nothing is drafted. */
  readonly drafts: DraftLoad | null;
}

/** What becomes of drafts. */
export interface DraftLoad {
  /** Tokens that a run gives a request, lately and since the start; 1 without drafts, 0 before anything ran. */
  readonly acceptLength: number;
  readonly averageAcceptLength: number;
  /** Accepted tokens of those drafted lately. */
  readonly acceptRate: number;
}

/** Answer to `get_internal_state`: what `/server_info` and `/v1/loads` report beyond the flags. */
export interface InternalState extends MemoryUse {
  readonly load: SchedulerLoad;
}

/** What the model and its keys and values take. */
export interface MemoryUse {
  readonly weightBytes: number;
  readonly kvCacheBytes: number;
  readonly graphBytes: number;
}

/** What can be given back to the system while nothing runs. */
export const MEMORY_TAGS = ['weights', 'kv_cache', 'cuda_graph'] as const;
export type MemoryTag = (typeof MEMORY_TAGS)[number];

/** The first rows of a weight. */
export interface ParameterRows {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array;
}

export type ControlResult =
  | { readonly of: 'flush_cache'; readonly success: boolean }
  | { readonly of: 'pause' }
  | { readonly of: 'continue' }
  | { readonly of: 'get_internal_state'; readonly state: InternalState }
  /** `failure` says what is wrong with the weights; null when they can be swapped in. */
  | { readonly of: 'load_weights'; readonly failure: string | null }
  | { readonly of: 'swap_weights' }
  | { readonly of: 'drop_weights' }
  /** null for a name that the model has no use for. */
  | { readonly of: 'read_weights'; readonly parameter: ParameterRows | null; readonly failure: string | null }
  /** `isBusy`: a request runs or waits, and nothing was released. */
  | { readonly of: 'release_memory'; readonly isBusy: boolean }
  | { readonly of: 'resume_memory'; readonly failure: string | null }
  /** Paths of the files that were written. */
  | { readonly of: 'expert_distribution'; readonly files: readonly string[] }
  /** The call could not be read. */
  | { readonly of: 'error'; readonly message: string };

const decodeParams = fields<DecodeParams>({
  skipSpecialTokens: boolean,
  noStopTrim: boolean,
  stop: listOf(string),
  stopRegex: listOf(string),
});

const ids: Check<Int32Array> = (value) => tokens(value) && (value as Int32Array).length > 0;
const finish = is<FinishReason>(fields<{ type: string }>({ type: string }));

const draftCounts = fields<DraftCounts>({
  runs: number,
  drafted: number,
  accepted: number,
  histogram: listOf(number),
});

/** What every output has, with tokens or with text. */
const output = {
  rid: string,
  newIds: tokens,
  finish: nullOr(finish),
  promptTokens: number,
  completionTokens: number,
  reasoningTokens: number,
  cachedTokens: number,
  retractions: number,
  drafts: is<DraftCounts | undefined>((value) => value === undefined || draftCounts(value)),
  inputLogprobs: nullOr(list<PositionLogprobs>()),
  outputLogprobs: nullOr(list<PositionLogprobs>()),
};

const optionalTrue = is<true | undefined>((value) => value === undefined || value === true);
const nothing = fields<object>({});
const rid = fields<{ readonly rid: string }>({ rid: string });
/** A call that has an answer. */
const call = fields<{ readonly callId: number }>({ callId: number });

const memoryCall = fields<{ readonly callId: number; readonly tags: readonly MemoryTag[] }>({
  callId: number,
  tags: listOf(oneOf(...MEMORY_TAGS)),
});

/**
 * Receiver → type → shape. The unions below and the types that each inbox accepts are read from this table; what a
 * message of another shape would break far from its sender is refused where it arrives.
 */
export const MESSAGES = {
  scheduler: {
    generate: fields<GenerateFields>({
      rid: string,
      sample: number,
      inputIds: ids,
      sampling: samplingParams,
      decode: decodeParams,
      thinking: nullOr(thinking),
      logprobs: nullOr(
        fields<LogprobParams>({
          startLen: number,
          topNum: number,
          tokenIds: nullOr(listOf(number)),
          next: optionalTrue,
        }),
      ),
      stream: boolean,
      streamInterval: number,
      extraKey: nullOr(string),
      priority: nullOr(number),
      routingKey: nullOr(string),
      trace: nullOr(traceFields),
    }),
    embed: fields<EmbedFields>({
      rid: string,
      inputIds: ids,
      pairAt: nullOr(number),
      isRaw: optionalTrue,
      trace: nullOr(traceFields),
    }),
    /** Ends a request as aborted, whether it waits or runs; unknown rids are ignored. */
    abort: rid,
    abort_all: nothing,
    /** From the detokenizer: a stop string or regex matched; the request ended in text already. Frees its row. */
    stopped: rid,
    pause: fields<{ readonly callId: number; readonly mode: PauseMode }>({
      callId: number,
      mode: oneOf('abort', 'retract', 'in_place'),
    }),
    continue: call,
    flush_cache: call,
    get_internal_state: call,
    /** Loads weights beside those that serve; `swap_weights` or `drop_weights` follows. */
    load_weights: fields<{
      readonly callId: number;
      readonly modelDir: string;
      readonly loadFormat: ServerArgs['loadFormat'];
    }>({ callId: number, modelDir: string, loadFormat: oneOf('auto', 'safetensors', 'gguf', 'dummy') }),
    /** Serves the weights that were loaded; with `flushCache` what was computed under the others is forgotten. */
    swap_weights: fields<{ readonly callId: number; readonly flushCache: boolean }>({
      callId: number,
      flushCache: boolean,
    }),
    drop_weights: call,
    read_weights: fields<{ readonly callId: number; readonly name: string; readonly rows: number }>({
      callId: number,
      name: string,
      rows: number,
    }),
    release_memory: memoryCall,
    resume_memory: memoryCall,
    /** Only where the model has experts and the server records them. */
    expert_distribution: fields<{
      readonly callId: number;
      readonly order: ExpertOrder;
      /** The time, part of the names of files. */
      readonly stamp: string;
    }>({ callId: number, order: oneOf('start', 'stop', 'dump'), stamp: string }),
  },
  detokenizer: {
    token_outputs: fields<{ readonly rank: number; readonly outputs: readonly TokenOutput[] }>({
      rank: number,
      outputs: listOf(
        fields<TokenOutput>({
          ...output,
          start: nullOr(
            fields<OutputStart>({
              decode: decodeParams,
              minNewTokens: number,
              promptTail: tokens,
              trace: nullOr(traceFields),
            }),
          ),
        }),
      ),
    }),
  },
  tokenizerManager: {
    text_outputs: fields<{ readonly rank: number; readonly outputs: readonly TextOutput[] }>({
      rank: number,
      outputs: listOf(fields<TextOutput>({ ...output, text: string })),
    }),
    /** From the scheduler: vectors need no detokenizer. */
    vector_outputs: fields<{ readonly rank: number; readonly outputs: readonly VectorOutput[] }>({
      rank: number,
      outputs: listOf(
        fields<VectorOutput>({
          rid: string,
          vector: nullOr(is((value) => value instanceof Float32Array)),
          promptTokens: number,
          finish,
        }),
      ),
    }),
    /** From the scheduler or the detokenizer: a message about the request could not be read; it ends there. */
    failed: fields<{ readonly rid: string; readonly message: string }>({ rid: string, message: string }),
    heartbeat: fields<{ readonly rank: number; readonly state: SchedulerState }>({
      rank: number,
      state: fields<SchedulerState>({
        running: number,
        queued: number,
        forwardCount: number,
        busyMs: number,
      }),
    }),
    /** From a child, with `--enable-metrics`: at most once a second, and when it falls idle. */
    metrics: fields<{ readonly rank: number | null; readonly samples: readonly MetricSample[] }>({
      /** null where it is no scheduler. */
      rank: nullOr(number),
      samples: listOf(metricSample),
    }),
    control_reply: fields<{ readonly callId: number; readonly result: ControlResult }>({
      callId: number,
      result: is(fields<{ of: string }>({ of: string })),
    }),
  },
} as const;

/** The processes that receive messages. */
export type Receiver = keyof typeof MESSAGES;

/** The messages that a receiver's inbox accepts. */
export type MessageTo<R extends Receiver> = {
  [T in keyof (typeof MESSAGES)[R]]: { readonly type: T } & Checked<(typeof MESSAGES)[R][T]>;
}[keyof (typeof MESSAGES)[R]];

export type SchedulerMsg = MessageTo<'scheduler'>;
export type DetokenizerMsg = MessageTo<'detokenizer'>;
export type TokenizerManagerMsg = MessageTo<'tokenizerManager'>;
export type EmbedMsg = Extract<SchedulerMsg, { type: 'embed' }>;
/** What is done with the weights, and with the memory of them and of keys and values. */
export type WeightsMsg = Extract<
  SchedulerMsg,
  {
    type:
      'load_weights' | 'swap_weights' | 'drop_weights' | 'read_weights' | 'release_memory' | 'resume_memory';
  }
>;
export type GenerateMsg = Extract<SchedulerMsg, { type: 'generate' }>;
