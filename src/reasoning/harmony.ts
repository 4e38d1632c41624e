import { firstMark, heldBack } from '../core/marks';
import { pieces, type AnswerPiece, type ReasoningSplitter } from './splitter';

const CHANNEL = '<|channel|>';
const MESSAGE = '<|message|>';
const START = '<|start|>';
/** What ends a message. */
const ENDS = ['<|end|>', '<|return|>', '<|call|>'];
/** Longer than any header of a message is; what is longer is no header. */
const MAX_HEADER = 512;

/**
 * The channels of gpt-oss: `analysis` is thought, `final` is the answer, and `commentary` to a tool stays as it was written, for
 * the parser of calls.
 */
export class HarmonySplitter implements ReasoningSplitter {
  private waiting = '';
  /** null between messages, where only headers stand. */
  private channel: { readonly type: AnswerPiece['type']; readonly isCall: boolean } | null = null;

  push(text: string): AnswerPiece[] {
    this.waiting += text;
    const out: AnswerPiece[] = [];
    while (this.channel === null ? this.readHeader(out) : this.readMessage(this.channel, out));
    return out;
  }

  finish(): AnswerPiece[] {
    const { waiting, channel } = this;
    this.waiting = '';
    // A header that was cut off says nothing.
    const isCutOff = channel === null && [CHANNEL, START].some((mark) => waiting.startsWith(mark));
    return isCutOff ? [] : pieces(channel?.type ?? 'text', waiting);
  }

  /** @returns whether there is more to read */
  private readHeader(out: AnswerPiece[]): boolean {
    const end = this.waiting.indexOf(MESSAGE);
    const isKnown = end >= 0 || this.waiting.length >= MAX_HEADER + MESSAGE.length;
    if (!isHeader(this.waiting) || (isKnown && !(end >= 0 && end <= MAX_HEADER))) {
      // Text without a header is an answer.
      this.channel = { type: 'text', isCall: false };
      return true;
    }
    if (!isKnown) return false;
    const header = this.waiting.slice(0, end + MESSAGE.length);
    this.waiting = this.waiting.slice(header.length);
    const at = header.indexOf(CHANNEL);
    const named = at < 0 ? '' : header.slice(at);
    const isCall = named.includes('to=functions.');
    this.channel = { type: named.startsWith(`${CHANNEL}analysis`) && !isCall ? 'reasoning' : 'text', isCall };
    if (isCall) out.push({ type: 'text', text: named });
    return true;
  }

  private readMessage(
    { type, isCall }: NonNullable<HarmonySplitter['channel']>,
    out: AnswerPiece[],
  ): boolean {
    const found = firstMark(this.waiting, ENDS);
    if (found === null) {
      const text = this.waiting.slice(0, this.waiting.length - heldBack(this.waiting, ENDS));
      this.waiting = this.waiting.slice(text.length);
      out.push(...pieces(type, text));
      return false;
    }
    const text = this.waiting.slice(0, found.at) + (isCall ? found.mark : '');
    this.waiting = this.waiting.slice(found.at + found.mark.length);
    this.channel = null;
    out.push(...pieces(type, text));
    return this.waiting !== '';
  }
}

/** Whether a text begins a header, as far as it goes. */
function isHeader(text: string): boolean {
  return [CHANNEL, START].some((mark) => text.startsWith(mark) || mark.startsWith(text));
}
