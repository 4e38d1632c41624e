import { errorMessage } from '../core/errors';
import type { FinishReason } from '../core/request';
import type { TextOutput, TokenOutput } from '../ipc/messages';
import { logger } from '../logging/logger';
import { ThreadTrace } from '../tracing/thread-trace';
import { RequestText, toTextOutput, type TokenDecoder } from './request-text';

export interface DetokenizerResult {
  /** For the TokenizerManager. */
  readonly texts: TextOutput[];
  /** Requests that ended here and still run in the scheduler. */
  readonly stopped: string[];
}

/** What is known of a request between its first output and its last. */
interface Entry {
  readonly text: RequestText;
  readonly trace: ThreadTrace | null;
  /** The latest output: its counters are the request's. */
  latest: TokenOutput;
}

/**
 * Turns the outputs of a batch into text and owns the text state of every running request. A state is opened by the
 * output that carries `start` and closed by the output that finishes the request, by a stop in its text, by an error,
 * or to make room for a newer request. Outputs that arrive after that are ignored.
 */
export class Detokenizer {
  /** By rid, oldest first. */
  private readonly entries = new Map<string, Entry>();

  /**
   * @param tokenizer null when the server works with ids only: every text is then empty and no stop is looked for
   * @param maxStates requests that can be in progress at a time
   */
  constructor(
    private readonly tokenizer: TokenDecoder | null,
    private readonly maxStates: number,
  ) {}

  /** Requests in progress. */
  get size(): number {
    return this.entries.size;
  }

  /** Never throws for what one request brings: an error ends that request only. */
  handle(outputs: readonly TokenOutput[]): DetokenizerResult {
    const result: DetokenizerResult = { texts: [], stopped: [] };
    for (const output of outputs) {
      if (this.tokenizer === null) result.texts.push(toTextOutput(output, ''));
      else this.handleOne(this.tokenizer, output, result);
    }
    return result;
  }

  /** Closes the state of a request that has ended elsewhere. */
  drop(rid: string): void {
    this.close(rid);
  }

  private close(rid: string): void {
    this.entries.get(rid)?.trace?.end(performance.now());
    this.entries.delete(rid);
  }

  private handleOne(tokenizer: TokenDecoder, output: TokenOutput, result: DetokenizerResult): void {
    const { rid, finish } = output;
    let text: TextOutput;
    try {
      const entry = this.entryOf(tokenizer, output, result);
      if (entry === null) return;
      entry.latest = output;
      const begunAt = entry.trace === null ? 0 : performance.now();
      text = entry.text.accept(output);
      entry.trace?.slice('detokenize', begunAt, performance.now());
    } catch (error) {
      logger.log('error', `Request ${rid} could not be decoded: ${errorMessage(error)}`);
      text = aborted(output, {
        message: `The output could not be decoded: ${errorMessage(error)}`,
        status_code: 500,
        err_type: 'InternalServerError',
      });
    }
    result.texts.push(text);
    if (text.finish === null) return;
    this.close(rid);
    if (finish === null) result.stopped.push(rid);
  }

  private entryOf(tokenizer: TokenDecoder, output: TokenOutput, result: DetokenizerResult): Entry | null {
    const { rid, start } = output;
    if (start === null) return this.entries.get(rid) ?? null;
    this.close(rid);
    const trace = start.trace && new ThreadTrace('Detokenizer', start.trace, performance.now());
    const entry = { text: new RequestText(tokenizer, start), trace, latest: output };
    if (this.entries.size >= this.maxStates) this.evictOldest(result);
    this.entries.set(rid, entry);
    return entry;
  }

  private evictOldest(result: DetokenizerResult): void {
    for (const [rid, { latest }] of this.entries) {
      this.close(rid);
      const message =
        `The request was dropped because more than ${this.maxStates} requests are being decoded at a time. ` +
        'Send fewer requests at once, or start the server with a larger SGLANG_DETOKENIZER_MAX_STATES.';
      logger.log('warning', `Request ${rid}: ${message}`);
      const nothingNew = { newIds: new Int32Array(0), inputLogprobs: null, outputLogprobs: null };
      result.texts.push(aborted({ ...latest, ...nothingNew }, { message, status_code: 503 }));
      result.stopped.push(rid);
      return;
    }
  }
}

/** The end of a request that could not be decoded any further. */
function aborted(
  output: TokenOutput,
  reason: Omit<Extract<FinishReason, { type: 'abort' }>, 'type'>,
): TextOutput {
  return { ...toTextOutput(output, ''), finish: { type: 'abort', ...reason } };
}
