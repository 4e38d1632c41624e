import type { DraftCounts, FinishReason, LogprobParams, PositionLogprobs } from '../core/request';
import type { GenerateMsg, TextOutput } from '../ipc/messages';

/** What is known of one request so far. */
export interface GenerateResult {
  readonly rid: string;
  readonly text: string;
  /** Generated tokens, the one that ended the request included. */
  readonly outputIds: readonly number[];
  /** null while the request runs. */
  readonly finish: FinishReason | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Those of the completion in which the model thought, the end of its thoughts included; 0 where that is not known. */
  readonly reasoningTokens: number;
  readonly cachedTokens: number;
  readonly retractions: number;
  /** null where tokens are not drafted, and before the first has been decoded. */
  readonly drafts: DraftCounts | null;
  /** Seconds from arrival to the last output; null while the request runs. */
  readonly e2eLatency: number | null;
  /** null when no log-probabilities were asked for. */
  readonly logprobs: ResultLogprobs | null;
}

export interface ResultLogprobs {
  readonly wanted: LogprobParams;
  /** From the first position asked for to the end of the prompt; for output only, just the last position. */
  readonly input: readonly PositionLogprobs[];
  readonly output: readonly PositionLogprobs[];
}

/**
 * One request between its message to the scheduler and its last output. The manager's table owns it; a job listens to
 * it until the client has gone.
 */
export class RequestState implements GenerateResult {
  text = '';
  readonly outputIds: number[] = [];
  finish: FinishReason | null = null;
  promptTokens: number;
  completionTokens = 0;
  reasoningTokens = 0;
  cachedTokens = 0;
  retractions = 0;
  drafts: DraftCounts | null = null;
  e2eLatency: number | null = null;
  readonly logprobs: { wanted: LogprobParams; input: PositionLogprobs[]; output: PositionLogprobs[] } | null;
  private listener: (() => void) | null = null;

  /** @param receivedAt when the request arrived, by `performance.now()` */
  constructor(
    readonly message: GenerateMsg,
    private readonly receivedAt: number,
  ) {
    this.promptTokens = message.inputIds.length;
    this.logprobs = message.logprobs === null ? null : { wanted: message.logprobs, input: [], output: [] };
  }

  get rid(): string {
    return this.message.rid;
  }

  /** Whether nobody reads this request any more. */
  get isDetached(): boolean {
    return this.listener === null;
  }

  /** Calls `listener` after each output until `detach`. */
  attach(listener: () => void): void {
    this.listener = listener;
  }

  /** Nobody reads this request any more: what it still generates is counted, not kept. */
  detach(): void {
    this.listener = null;
    this.text = '';
    this.outputIds.length = 0;
  }

  apply(output: TextOutput): void {
    this.promptTokens = output.promptTokens;
    this.completionTokens = output.completionTokens;
    this.reasoningTokens = output.reasoningTokens;
    this.cachedTokens = output.cachedTokens;
    this.retractions = output.retractions;
    this.drafts = output.drafts ?? null;
    if (output.finish !== null) this.end(output.finish);
    if (this.listener === null) return;
    this.text += output.text;
    append(this.outputIds, output.newIds);
    if (this.logprobs !== null) {
      append(this.logprobs.input, output.inputLogprobs ?? []);
      append(this.logprobs.output, output.outputLogprobs ?? []);
    }
    this.listener();
  }

  /** Ends the request for a reason that came without an output. */
  fail(reason: FinishReason): void {
    this.end(reason);
    this.listener?.();
  }

  private end(reason: FinishReason): void {
    this.finish = reason;
    this.e2eLatency = (performance.now() - this.receivedAt) / 1000;
  }
}

/** Unlike `push(...items)`, safe for lists longer than the stack. */
function append<T>(list: T[], items: Iterable<T>): void {
  for (const item of items) list.push(item);
}
