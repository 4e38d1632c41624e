import type { SessionParams } from './sessions/session-params';

/** `sampling_params` as they came, under their wire names; checked and resolved by `parseSamplingParams`. */
export type RawSamplingParams = Readonly<Record<string, unknown>>;

/**
 * What may come before what a grammar holds: nothing; thoughts, where the prompt has begun them or the model begins them; or
 * thoughts in any case but where the prompt has ended them.
 */
export type ThoughtsBefore = 'none' | 'allowed' | 'required';

/** Where a request came from, for the log and the metrics. */
export interface RequestOrigin {
  /** The name it has among the services it passed through (`X-Request-Id`). */
  readonly requestId: string | null;
  /** Those of its headers that are logged, under their names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  /** Labels of metrics that its headers give it; null where they give none. */
  readonly customLabels: Readonly<Record<string, string>> | null;
  /** Those of its headers that name the trace which it belongs to (`traceparent`, `tracestate`). */
  readonly traceHeaders: Readonly<Record<string, string>>;
}

export const NO_ORIGIN: RequestOrigin = {
  requestId: null,
  headers: {},
  customLabels: null,
  traceHeaders: {},
};

/**
 * A request for text, whose values have the right types and nothing more. `T | T[]` means one for all prompts, or a
 * list with one for each.
 */
export interface GenerateRequest {
  /** Exactly one of this and `inputIds` is given. */
  readonly text: string | readonly string[] | null;
  readonly inputIds: readonly number[] | readonly (readonly number[])[] | null;
  /** Whether what the model's tokenizer puts around a text goes around `text`; a rendered conversation has it already. */
  readonly addSpecialTokens: boolean;
  readonly samplingParams: RawSamplingParams | readonly RawSamplingParams[];
  /** Whether a schema may be held to less than it says, where not all of it can be enforced; else it is refused then. */
  readonly isGrammarLenient: boolean;
  readonly thoughtsBefore: ThoughtsBefore;
  /** How many characters at the end of `text` are part of the answer already. */
  readonly begunLength: number;
  readonly rid: string | readonly string[] | null;
  readonly returnLogprob: boolean | readonly boolean[];
  /** First prompt position to report, -1 for output tokens only. */
  readonly logprobStartLen: number | readonly number[];
  readonly topLogprobsNum: number | readonly number[];
  readonly tokenIdsLogprob: readonly number[] | readonly (readonly number[])[] | null;
  /** Nothing is to be drawn: what is wanted is how likely tokens are after each prompt (`LogprobParams.next`). */
  readonly isScoring: boolean;
  readonly stream: boolean;
  /** Keep going when the client leaves. */
  readonly background: boolean;
  readonly priority: number | null;
  /** Groups requests for the `routing-key` policy. */
  readonly routingKey: string | null;
  readonly extraKey: string | readonly string[] | null;
  /** The scheduler that is to run it; null leaves the choice. */
  readonly dpRank: number | null;
  /** Where in a session it goes on; null for a request of its own. Only with one prompt. */
  readonly session: SessionParams | null;
  /** Leave this request out of the request log. */
  readonly noLogs: boolean;
  /** False leaves this request out of the metrics of requests. */
  readonly logMetrics: boolean;
  /** Its labels in them, before those of its origin; those that are not allowed do not count. */
  readonly customLabels: Readonly<Record<string, string>> | null;
  readonly origin: RequestOrigin;
}

/** A request with every option at its default; needs a prompt. */
export const DEFAULT_GENERATE_REQUEST: GenerateRequest = {
  text: null,
  inputIds: null,
  addSpecialTokens: true,
  samplingParams: {},
  isGrammarLenient: false,
  thoughtsBefore: 'none',
  begunLength: 0,
  rid: null,
  returnLogprob: false,
  logprobStartLen: -1,
  topLogprobsNum: 0,
  tokenIdsLogprob: null,
  isScoring: false,
  stream: false,
  background: false,
  priority: null,
  routingKey: null,
  extraKey: null,
  dpRank: null,
  session: null,
  noLogs: false,
  logMetrics: true,
  customLabels: null,
  origin: NO_ORIGIN,
};
