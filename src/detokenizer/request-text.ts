import type { OutputStart, TextOutput, TokenOutput } from '../ipc/messages';
import { IncrementalDecoder } from './incremental-decoder';
import { StopMatcher, type StopMatch } from './stop-matcher';

/** Decodes ids as they are, without tidying: a longer list must give a longer text. */
export interface TokenDecoder {
  decode(
    ids: ArrayLike<number>,
    options: { readonly skipSpecialTokens: boolean; readonly cleanUpSpaces: false },
  ): string;
}

/** The text of one running request: decodes its tokens, withholds what may be a stop, ends it where one matches. */
export class RequestText {
  private readonly decoder: IncrementalDecoder;
  private readonly matcher: StopMatcher;
  private readonly noStopTrim: boolean;
  private readonly minNewTokens: number;
  /** Tokens searched for stops. */
  private searched = 0;
  /** Text that has been decoded and not been sent. */
  private pending = '';
  /** Units of text that have been sent. */
  private sent = 0;

  /** @throws RequestError when a stop regex does not compile */
  constructor(tokenizer: TokenDecoder, { decode, minNewTokens, promptTail }: OutputStart) {
    const { skipSpecialTokens } = decode;
    this.decoder = new IncrementalDecoder(
      (ids) => tokenizer.decode(ids, { skipSpecialTokens, cleanUpSpaces: false }),
      promptTail,
    );
    this.matcher = new StopMatcher(decode);
    this.noStopTrim = decode.noStopTrim;
    this.minNewTokens = minNewTokens;
  }

  /**
   * Adds the text to an output. When a stop matches, the output ends with the token that completed it, whatever came
   * after; `finish` then names the stop.
   *
   * A stop that the last allowed token completes wins over the length. A stop token is no text to be searched, and no
   * stop counts until there are `minNewTokens`.
   */
  accept(output: TokenOutput): TextOutput {
    const { newIds, finish } = output;
    const endsWithStopToken = finish?.type === 'stop' && finish.matched === newIds.at(-1);
    const end = newIds.length - (endsWithStopToken ? 1 : 0);
    const searched = this.matcher.active ? end : 0;
    for (let i = 0; i < searched; i++) {
      const piece = this.decoder.push(newIds.subarray(i, i + 1));
      this.pending += piece;
      const match = this.search(piece);
      if (match !== null) return this.stopAt(i + 1, match, output);
    }
    this.pending += this.decoder.push(newIds.subarray(searched, this.noStopTrim ? newIds.length : end));
    if (finish === null) return toTextOutput(output, this.take(this.matcher.undecidedFrom));
    this.pending += this.decoder.flush();
    return toTextOutput(output, this.take(Infinity));
  }

  /** Looks for a stop at the next token, whose text is `piece`. */
  private search(piece: string): StopMatch | null {
    this.searched += 1;
    if (this.searched > this.minNewTokens) return this.matcher.feed(piece);
    this.matcher.skip(piece);
    return null;
  }

  private stopAt(count: number, { matched, begin }: StopMatch, output: TokenOutput): TextOutput {
    if (this.noStopTrim) this.pending += this.decoder.flush();
    const text = this.take(this.noStopTrim ? Infinity : begin);
    return {
      ...toTextOutput(output, text),
      newIds: output.newIds.subarray(0, count),
      outputLogprobs: output.outputLogprobs?.slice(0, count) ?? null,
      completionTokens: output.completionTokens - (output.newIds.length - count),
      reasoningTokens: Math.min(
        output.reasoningTokens,
        output.completionTokens - (output.newIds.length - count),
      ),
      finish: { type: 'stop', matched },
    };
  }

  /** Removes and returns the pending text before `position`. */
  private take(position: number): string {
    const text = this.pending.slice(0, position - this.sent);
    this.pending = this.pending.slice(text.length);
    this.sent += text.length;
    return text;
  }
}

/** The output without what only the detokenizer needs. */
export function toTextOutput(output: TokenOutput, text: string): TextOutput {
  return {
    rid: output.rid,
    newIds: output.newIds,
    text,
    finish: output.finish,
    promptTokens: output.promptTokens,
    completionTokens: output.completionTokens,
    reasoningTokens: output.reasoningTokens,
    cachedTokens: output.cachedTokens,
    retractions: output.retractions,
    ...(output.drafts === undefined ? {} : { drafts: output.drafts }),
    inputLogprobs: output.inputLogprobs,
    outputLogprobs: output.outputLogprobs,
  };
}
