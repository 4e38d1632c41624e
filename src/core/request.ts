import { fields, is, listOf, nullOr, number } from './check';
import { grammar, type Grammar } from './grammar';

/**
 * What a request is made of once it has been validated and tokenized: the vocabulary shared by the processes.
 * Wire names (snake_case) never appear below the HTTP layer.
 */

/** Temperatures below this mean greedy: the likeliest token is always taken. */
export const GREEDY_BELOW = 1e-6;

/** How tokens are chosen. Every field is resolved: no nulls that mean "default". */
export interface SamplingParams {
  /** Tokens to generate at most; 0 runs the prompt only. The scheduler clamps it to the room left in the context. */
  readonly maxNewTokens: number;
  /** Until this many tokens exist, `stopTokenIds` cannot be drawn, and no stop string or regex ends the request. */
  readonly minNewTokens: number;
  /** Tokens that end the request: the request's own ∪ the model's eos ids. Empty with `ignore_eos`. */
  readonly stopTokenIds: readonly number[];
  /** 0 means greedy; otherwise logits are divided by it. */
  readonly temperature: number;
  /** (0, 1]; 1 is off. */
  readonly topP: number;
  /** ≥ 1, or -1 for the whole vocabulary. */
  readonly topK: number;
  /** [0, 1]; 0 is off. */
  readonly minP: number;
  /** [-2, 2]; subtracted once for each time a token was generated. */
  readonly frequencyPenalty: number;
  /** [-2, 2]; subtracted if a token was generated at all. */
  readonly presencePenalty: number;
  /** (0, 2]; 1 is off. Divides positive and multiplies negative logits of tokens in prompt or output. */
  readonly repetitionPenalty: number;
  /** Pairs of (token id, value added to its logit). */
  readonly logitBias: readonly (readonly [id: number, bias: number])[];
  /** Seed of this request's own generator, which its samples share; null draws one for each from the server's. */
  readonly seed: number | null;
  /** What the output must look like; null for whatever the model says. */
  readonly grammar: Grammar | null;
}

/** Checks what arrives in another process. A parameter that is forgotten here does not compile. */
export const samplingParams = fields<SamplingParams>({
  maxNewTokens: number,
  minNewTokens: number,
  stopTokenIds: listOf(number),
  temperature: number,
  topP: number,
  topK: number,
  minP: number,
  frequencyPenalty: number,
  presencePenalty: number,
  repetitionPenalty: number,
  logitBias: listOf(is((pair) => listOf(number)(pair) && (pair as number[]).length === 2)),
  seed: nullOr(number),
  grammar: nullOr(grammar),
});

/** How tokens become text, and which text ends the request. Owned by the detokenizer. */
export interface DecodeParams {
  readonly skipSpecialTokens: boolean;
  /** Keep the matched stop string or stop token in the text. */
  readonly noStopTrim: boolean;
  readonly stop: readonly string[];
  /** Sources of regular expressions (Python style, linear-time subset), already checked to compile. */
  readonly stopRegex: readonly string[];
}

/** Which log-probabilities a request wants. */
export interface LogprobParams {
  /** First prompt position to report, or -1 for output tokens only. */
  readonly startLen: number;
  /** How many of the likeliest tokens to report at each position. */
  readonly topNum: number;
  /** Ids to report at each position. */
  readonly tokenIds: readonly number[] | null;
  /**
   * Also what comes after the prompt where no token is drawn (`maxNewTokens` 0): one entry of the output, without a token, of
   * the model's own distribution. Its bits do not hang on what runs or is cached beside it.
   */
  readonly next?: true;
}

/** Why a request ended, in SGLang's own wire form. */
export type FinishReason =
  | { readonly type: 'stop'; readonly matched: number | string }
  | { readonly type: 'length'; readonly length: number }
  | {
      readonly type: 'abort';
      readonly message: string;
      readonly status_code?: number | null;
      readonly err_type?: string | null;
    };

/** What a request stopped at that met NaN where logits should be, in SGLang's words. */
export const NAN_HAPPENED = 'NaN happened';

/** What SGLang calls the error of a status. */
const ERROR_TYPES = { 400: 'BadRequestError', 500: 'InternalServerError', 503: null } as const;

/** The end of a request that is refused (400: for what it asks, 503: for lack of room or time) or that failed (500). */
export function abortedFor(status: keyof typeof ERROR_TYPES, message: string): FinishReason {
  const err_type = ERROR_TYPES[status];
  return { type: 'abort', message, status_code: status, ...(err_type !== null && { err_type }) };
}

/** What became of a request's drafts. */
export interface DraftCounts {
  /** Runs of the model that drew tokens after the first, with a draft or without. */
  readonly runs: number;
  readonly drafted: number;
  /** Of those drafted. */
  readonly accepted: number;
  /** How many runs accepted 0, 1, 2, … drafted tokens. */
  readonly histogram: readonly number[];
}

/** One (log-probability, token) pair. The log-probability is null where no distribution preceded the token. */
export type TokenLogprob = readonly [logprob: number | null, id: number];

/** The log-probabilities at one position of a prompt or an output. */
export interface PositionLogprobs {
  readonly token: TokenLogprob;
  /** The likeliest tokens, best first; null where no distribution preceded the position. */
  readonly top: readonly TokenLogprob[] | null;
  /** The tokens asked for by `token_ids_logprob`, in that order. */
  readonly chosen: readonly TokenLogprob[] | null;
}
