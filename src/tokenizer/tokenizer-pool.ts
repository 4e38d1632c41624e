import { join } from 'node:path';
import { RequestError } from '../core/errors';
import { Lane } from './lane';
import type { DecodeOptions, EncodedPair, EncodeOptions, TemplateVariables, Tokenizer } from './tokenizer';

/** Text to ids and back for a process that must go on meanwhile. */
export interface AsyncTokenizer {
  /** For short work. */
  readonly sync: Tokenizer;
  /**
   * @param gone the work is dropped when it fires
   * @throws RequestError `overloaded` when too much waits already
   */
  encode(text: string, options: EncodeOptions, gone: AbortSignal): Promise<number[]>;
  /** As `encode`. */
  encodePair(text: string, pair: string, gone: AbortSignal): Promise<EncodedPair>;
  decode(ids: readonly number[], options: DecodeOptions, gone: AbortSignal): Promise<string>;
  /** @throws RequestError `bad_value` as `Tokenizer.renderChat` */
  renderChat(template: string, variables: TemplateVariables, gone: AbortSignal): Promise<string>;
}

/** Work for a worker, measured in characters or ids. */
export type TokenizerTask =
  | { readonly kind: 'encode'; readonly text: string; readonly options: EncodeOptions }
  | { readonly kind: 'encode_pair'; readonly text: string; readonly pair: string }
  | { readonly kind: 'decode'; readonly ids: readonly number[]; readonly options: DecodeOptions }
  | { readonly kind: 'render'; readonly template: string; readonly variables: TemplateVariables };

/** Up to here the hop to another thread costs more than the work, some ten milliseconds at most. */
const INLINE = 4096;
/** Work from here on may take seconds; what is shorter does not wait for it. */
const LONG = 65_536;
/** What a turn of a conversation costs its template, in characters of a text to tokenize. */
const TURN = 128;
/** Characters or ids that may wait in one lane. */
const MAX_WAITING = 32 * 2 ** 20;

/**
 * Tokenizes short texts at once and long ones on threads of their own: one lane for texts that take a moment and one for those
 * that take seconds. A lane starts its thread, with a tokenizer of its own, when it first has work.
 */
export class TokenizerPool implements AsyncTokenizer {
  private readonly medium: Lane;
  private readonly long: Lane;

  /** @param dir folder that `sync` was loaded from */
  constructor(
    readonly sync: Tokenizer,
    dir: string,
    workerFile = join(__dirname, 'worker.js'),
  ) {
    this.medium = new Lane(dir, workerFile);
    this.long = new Lane(dir, workerFile);
  }

  async encode(text: string, options: EncodeOptions, gone: AbortSignal): Promise<number[]> {
    if (text.length <= INLINE) return this.sync.encode(text, options);
    return (await this.run({ kind: 'encode', text, options }, text.length, gone)) as number[];
  }

  async encodePair(text: string, pair: string, gone: AbortSignal): Promise<EncodedPair> {
    const amount = text.length + pair.length;
    if (amount <= INLINE) return this.sync.encodePair(text, pair);
    return (await this.run({ kind: 'encode_pair', text, pair }, amount, gone)) as EncodedPair;
  }

  async decode(ids: readonly number[], options: DecodeOptions, gone: AbortSignal): Promise<string> {
    if (ids.length <= INLINE) return this.sync.decode(ids, options);
    return (await this.run({ kind: 'decode', ids, options }, ids.length, gone)) as string;
  }

  async renderChat(template: string, variables: TemplateVariables, gone: AbortSignal): Promise<string> {
    const amount = variables.messages.length * TURN;
    if (amount <= INLINE) return this.sync.renderChat(template, variables);
    return (await this.run({ kind: 'render', template, variables }, amount, gone)) as string;
  }

  /** Ends the threads; work in progress is refused. */
  async close(): Promise<void> {
    await Promise.all([this.medium.close(), this.long.close()]);
  }

  private run(task: TokenizerTask, amount: number, gone: AbortSignal): Promise<unknown> {
    const lane = amount < LONG ? this.medium : this.long;
    if (lane.waiting + amount <= MAX_WAITING) return lane.run(task, amount, gone);
    throw new RequestError('overloaded', 'Too much text waits to be tokenized. Please try again later.');
  }
}
