import type { FinishReason, PositionLogprobs } from '../../../src/core/request';
import type {
  ControlResult,
  GenerateMsg,
  SchedulerMsg,
  TextOutput,
  TokenizerManagerMsg,
} from '../../../src/ipc/messages';
import { ByteTokenizer, EOS } from './fixtures';

type Of<T extends SchedulerMsg['type']> = Extract<SchedulerMsg, { type: T }>;

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

interface Live {
  readonly message: GenerateMsg;
  readonly ids: number[];
  isOpened: boolean;
}

/**
 * Scheduler and detokenizer in one, at the other end of the manager's messages. By itself it answers each request with
 * the alphabet, a letter a step; `isHolding` leaves the requests to the test.
 */
export class FakeScheduler {
  readonly received: SchedulerMsg[] = [];
  /** Set by whoever connects it to a manager. */
  deliver: (message: TokenizerManagerMsg) => void = () => undefined;
  isHolding = false;
  /** Whether it keeps its memory as if it had requests. */
  isBusy = false;
  /** What is wrong with the weights that it is to load; null for nothing. */
  weightsFailure: string | null = null;
  /** Answers to flush_cache, first to last; then true. */
  readonly flushResults: boolean[] = [];
  private readonly live = new Map<string, Live>();
  private readonly tokenizer = new ByteTokenizer();

  constructor(private readonly rank = 0) {}

  put(message: SchedulerMsg): void {
    this.received.push(message);
    if (message.type === 'generate') this.live.set(message.rid, { message, ids: [], isOpened: false });
    setImmediate(() => this.answer(message));
  }

  all<T extends SchedulerMsg['type']>(type: T): Of<T>[] {
    return this.received.filter((message): message is Of<T> => message.type === type);
  }

  get liveRids(): string[] {
    return [...this.live.keys()];
  }

  /** Resolves once `type` was received `count` times. */
  async until(type: SchedulerMsg['type'], count = 1): Promise<void> {
    while (this.all(type).length < count) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Sends a request's next output, and ends it where `finish` is given. */
  emit(rid: string, text: string, finish: FinishReason | null = null, extra: Partial<TextOutput> = {}): void {
    this.deliver({ type: 'text_outputs', rank: this.rank, outputs: [this.output(rid, text, finish, extra)] });
  }

  output(
    rid: string,
    text: string,
    finish: FinishReason | null = null,
    extra: Partial<TextOutput> = {},
  ): TextOutput {
    const entry = this.live.get(rid);
    if (entry === undefined) throw new Error(`no live request ${rid}`);
    const newIds = Int32Array.from(this.tokenizer.encode(text, { addSpecialTokens: false }));
    entry.ids.push(...newIds);
    if (finish !== null) this.live.delete(rid);
    const { message } = entry;
    const output = {
      rid,
      text,
      newIds,
      finish,
      promptTokens: message.inputIds.length,
      completionTokens: entry.ids.length,
      reasoningTokens: 0,
      cachedTokens: 0,
      retractions: 0,
      inputLogprobs: entry.isOpened ? null : inputLogprobs(message),
      outputLogprobs: message.logprobs && [...newIds].map((id) => position(message, id, -1)),
      ...extra,
    };
    entry.isOpened = true;
    return output;
  }

  private answer(message: SchedulerMsg): void {
    switch (message.type) {
      case 'generate':
        if (!this.isHolding) this.step(message.rid);
        return;
      case 'abort':
        this.end(message.rid);
        return;
      case 'abort_all':
        for (const rid of this.liveRids) this.end(rid);
        return;
      case 'embed':
      case 'stopped':
        return;
      case 'flush_cache':
        return this.reply(message.callId, { of: 'flush_cache', success: this.flushResults.shift() ?? true });
      case 'pause':
      case 'continue':
        return this.reply(message.callId, { of: message.type });
      case 'load_weights':
        return this.reply(message.callId, { of: 'load_weights', failure: this.weightsFailure });
      case 'swap_weights':
      case 'drop_weights':
        return this.reply(message.callId, { of: message.type });
      case 'read_weights': {
        const parameter = { shape: [2, 2], values: Float32Array.of(0.5, 1, 1.5, NaN) };
        const isThere = message.name === 'there';
        return this.reply(message.callId, {
          of: 'read_weights',
          parameter: isThere ? parameter : null,
          failure: null,
        });
      }
      case 'release_memory':
        return this.reply(message.callId, {
          of: 'release_memory',
          isBusy: this.isBusy || this.live.size > 0,
        });
      case 'resume_memory':
        return this.reply(message.callId, { of: 'resume_memory', failure: this.weightsFailure });
      case 'expert_distribution':
        return this.reply(message.callId, {
          of: 'expert_distribution',
          files: message.order === 'dump' ? [`/records/${message.stamp}.csv`] : [],
        });
      case 'get_internal_state': {
        const memory = { weightBytes: 2 ** 30, kvCacheBytes: 2 ** 29, graphBytes: 0 };
        const load = {
          running: 2,
          queued: 3,
          preparing: 1,
          retracted: 1,
          paused: false,
          maxRunning: 8,
          usedTokens: 500,
          queuedTokens: 70,
          totalTokens: 1000,
          genThroughput: 12.5,
          cacheHitRate: 0.25,
          drafts: null,
        };
        return this.reply(message.callId, { of: 'get_internal_state', state: { ...memory, load } });
      }
    }
  }

  private step(rid: string): void {
    const entry = this.live.get(rid);
    if (entry === undefined) return;
    const { maxNewTokens, stopTokenIds } = entry.message.sampling;
    const length: FinishReason = { type: 'length', length: maxNewTokens };
    if (maxNewTokens === 0) return this.emit(rid, '', length);
    const letter = LETTERS[entry.ids.length];
    if (letter === undefined) {
      const ends = stopTokenIds.includes(EOS);
      return this.emit(rid, '', ends ? { type: 'stop', matched: EOS } : length);
    }
    const isLast = entry.ids.length + 1 === maxNewTokens;
    this.emit(rid, letter, isLast ? length : null);
    if (!isLast) setImmediate(() => this.step(rid));
  }

  private end(rid: string): void {
    if (!this.live.has(rid)) return;
    this.emit(rid, '', { type: 'abort', message: 'Aborted', status_code: null, err_type: null });
  }

  private reply(callId: number, result: ControlResult): void {
    this.deliver({ type: 'control_reply', callId, result });
  }
}

function inputLogprobs(message: GenerateMsg): PositionLogprobs[] | null {
  if (message.logprobs === null) return null;
  const { startLen } = message.logprobs;
  const from = startLen === -1 ? message.inputIds.length - 1 : startLen;
  return [...message.inputIds.subarray(from)].map((id, i) =>
    i === 0 ? { token: [null, id], top: null, chosen: null } : position(message, id, -2),
  );
}

function position({ logprobs }: GenerateMsg, id: number, value: number): PositionLogprobs {
  const top = Array.from({ length: logprobs?.topNum ?? 0 }, (_, i) => [value - i, 97 + i] as const);
  const chosen = logprobs?.tokenIds?.map((wanted) => [-9, wanted] as const) ?? null;
  return { token: [value, id], top: top.length === 0 ? null : top, chosen };
}
