import type { Grammar } from '../../core/grammar';
import type {
  DecodeParams,
  DraftCounts,
  FinishReason,
  LogprobParams,
  PositionLogprobs,
} from '../../core/request';
import type { GenerateMsg } from '../../ipc/messages';
import type { RequestSampler } from '../../sampling/request-sampler';
import type { PrefixHandle } from '../kv/prefix-cache';
import { RequestTrace } from '../request-trace';
import { TokenBuffer } from './token-buffer';

/**
 * A request's life is arithmetic on three lengths:
 *
 *     cachedLen  ≤  length  ≤  maxLen
 *     KV exists     known      end
 *
 * What is to be computed next is `length − cachedLen`; what may still come is `maxLen − length`. There is no status: a
 * request waits, prefills or decodes because of the list that holds it.
 */
export class Request {
  readonly rid: string;
  readonly promptLen: number;
  /** Tokens at which the request ends for length. */
  readonly maxLen: number;
  readonly maxNewTokens: number;
  readonly minNewTokens: number;
  /** Whether its draws come of a seed of its own, so that its tokens are to be the same every time. */
  readonly isSeeded: boolean;
  /** What its output must look like; null for whatever the model says. */
  readonly grammar: Grammar | null;
  readonly decode: DecodeParams;
  readonly logprobs: LogprobParams | null;
  readonly extraKey: string | null;
  readonly priority: number | null;
  readonly routingKey: string | null;
  readonly stopTokenIds: ReadonlySet<number>;
  readonly stream: boolean;
  readonly streamInterval: number;
  /** null where it is not traced. */
  readonly trace: RequestTrace | null;
  /** When it last entered the waiting queue: on arrival, or retracted (milliseconds of `performance.now`). */
  queuedAt: number;

  /** Prompt and output. The last sampled token is known but has no KV yet. */
  readonly ids: TokenBuffer;
  /** Tokens at the front of `ids` whose KV is in the request's row. */
  cachedLen = 0;
  /**
   * Arena slots reserved for the request, one for each token in page order. The first `handle.cachedLen` belong to the
   * prefix cache; the rest are the request's own until they are cached or released.
   */
  readonly slots = new TokenBuffer(0);
  /** Pins the cached prefix while the request holds a row; null in the waiting queue. */
  handle: PrefixHandle | null = null;
  /** KV row; -1 in the waiting queue. */
  row = -1;

  /** Prefix length found in the cache at first admission; null before it. */
  cachedTokens: number | null = null;
  retractions = 0;
  /** When it first got a row (milliseconds of `performance.now`); null before. */
  startedAt: number | null = null;
  /** When its prompt was complete and its first token drawn; null before, and where it ended there. */
  firstTokenAt: number | null = null;
  finish: FinishReason | null = null;
  /** False once computing it has failed or given NaN: its keys and values may be wrong and must not be cached. */
  kvValid = true;

  /** Tokens that its grammar has come next, whatever is drawn. */
  foreseen: number[] = [];

  /** What became of drafts of its tokens; null while it has not decoded, and where nothing is drafted. */
  drafts: DraftCounts | null = null;

  /** Output tokens already sent on. */
  emitted = 0;
  /** Whether the first output, which opens the detokenizer's state, was sent. */
  opened = false;
  /** Log-probabilities of the prompt, complete once it has run; sent once. */
  inputLogprobs: PositionLogprobs[] | null;
  /** Log-probabilities of the output tokens that were not sent yet. */
  outputLogprobs: PositionLogprobs[] | null;

  /**
   * @param maxReqLen tokens a request can have at most
   * @param arrivedAt milliseconds of `performance.now`
   */
  constructor(
    msg: GenerateMsg,
    readonly sampler: RequestSampler,
    maxReqLen: number,
    readonly arrivedAt: number,
  ) {
    this.rid = msg.rid;
    this.promptLen = msg.inputIds.length;
    this.maxNewTokens = Math.max(0, Math.min(msg.sampling.maxNewTokens, maxReqLen - this.promptLen - 1));
    this.maxLen = this.promptLen + this.maxNewTokens;
    this.minNewTokens = msg.sampling.minNewTokens;
    this.isSeeded = msg.sampling.seed !== null;
    this.grammar = msg.sampling.grammar;
    this.decode = msg.decode;
    this.logprobs = msg.logprobs;
    this.extraKey = msg.extraKey;
    this.priority = msg.priority;
    this.routingKey = msg.routingKey;
    this.stopTokenIds = new Set(msg.sampling.stopTokenIds);
    this.ids = TokenBuffer.from(msg.inputIds);
    this.inputLogprobs = msg.logprobs ? [] : null;
    this.outputLogprobs = msg.logprobs ? [] : null;
    this.stream = msg.stream;
    this.streamInterval = msg.streamInterval;
    this.queuedAt = arrivedAt;
    this.trace = msg.trace && new RequestTrace(msg.trace, arrivedAt);
  }

  get length(): number {
    return this.ids.length;
  }

  get outputLen(): number {
    return this.ids.length - this.promptLen;
  }

  /** Tokens whose KV is still to be computed. */
  get extendLen(): number {
    return this.ids.length - this.cachedLen;
  }

  /** Tokens that may still be generated. */
  get remainLen(): number {
    return this.maxLen - this.ids.length;
  }

  /** Whether it asks what comes after its prompt, and for no token. */
  get isScored(): boolean {
    return this.logprobs?.next === true;
  }

  /** First prompt position whose log-probability is reported; the last one when only output tokens are asked for. */
  get logprobStart(): number {
    const start = this.logprobs?.startLen ?? -1;
    return start < 0 ? this.promptLen - 1 : start;
  }

  /** Whether the prompt's own log-probabilities are asked for and not all there yet. */
  get wantsPromptLogprobs(): boolean {
    return this.logprobStart < this.promptLen - 1 && this.missesPromptLogprobs;
  }

  /** Whether entries of `inputLogprobs` are missing. The first needs no computing: nothing precedes it. */
  get missesPromptLogprobs(): boolean {
    return this.inputLogprobs !== null && this.inputLogprobs.length < this.promptLen - this.logprobStart;
  }

  /**
   * Tokens that may be taken from the prefix cache: all but the last, whose logits are needed, or the last two where their bits
   * count (`exactRun`); and none whose logits are asked for.
   */
  get prefixLimit(): number {
    const last = Math.max(0, this.ids.length - (this.isScored ? 2 : 1));
    return this.wantsPromptLogprobs ? Math.min(last, this.logprobStart) : last;
  }

  /** Appends a sampled token and decides whether it ends the request. */
  append(id: number): void {
    this.ids.push(id);
    this.sampler.observe(id);
    if (this.outputLen >= this.maxNewTokens) this.finish = { type: 'length', length: this.maxNewTokens };
    else if (this.sampler.isTerminated || this.stopTokenIds.has(id))
      this.finish = { type: 'stop', matched: id };
  }

  /**
   * Appends what its grammar has come next in any case, up to what ends the request. It is left for the next steps where these need
   * logits, for log-probabilities, or where a stop in the text must see each token before the next.
   */
  jumpForward(): void {
    if (this.grammar === null || this.finish !== null || this.foreseen.length > 0) return;
    const { stop, stopRegex } = this.decode;
    const forced = this.sampler.forced();
    if (this.logprobs !== null || stop.length + stopRegex.length > 0) {
      this.foreseen = [...forced];
      return;
    }
    for (const id of forced) if (this.finish === null) this.append(id);
  }

  /** Back to the waiting queue: what was computed is lost, what was generated is kept. */
  retract(now: number): void {
    this.queuedAt = now;
    this.cachedLen = 0;
    this.slots.clear();
    this.retractions += 1;
    if (this.missesPromptLogprobs) this.inputLogprobs = [];
  }
}
