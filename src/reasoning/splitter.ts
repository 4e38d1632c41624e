import { firstMark, heldBack } from '../core/marks';

/** A piece of an answer: what the model thinks, or what it says. */
export type AnswerPiece =
  { readonly type: 'reasoning'; readonly text: string } | { readonly type: 'text'; readonly text: string };

/** Tells thought from answer while a text comes in; never looks back, so that any cut of a text gives the same. */
export interface ReasoningSplitter {
  push(text: string): AnswerPiece[];
  /** Gives out what was held back; nothing may follow. */
  finish(): AnswerPiece[];
}

/** How a model marks its thoughts. */
export interface ReasoningMarks {
  readonly start: string;
  readonly end: string;
  /** Whatever begins like this ends thoughts as well, and belongs to the answer: models call tools without ending them. */
  readonly interrupts?: readonly string[];
}

/** One block of thoughts before the answer. The start mark counts only where nothing but white space came before it. */
export class BlockSplitter implements ReasoningSplitter {
  private waiting = '';
  private state: 'before' | 'inside' | 'after';

  /** @param isInside whether the prompt has begun the block already, or the model never writes its start */
  constructor(
    private readonly marks: ReasoningMarks,
    isInside: boolean,
  ) {
    this.state = isInside ? 'inside' : 'before';
    this.mayRepeatStart = isInside;
  }

  /** A model may write the start although the prompt has it. */
  private mayRepeatStart: boolean;

  push(text: string): AnswerPiece[] {
    if (this.state === 'after') return pieces('text', text);
    this.waiting += text;
    return this.state === 'before' ? this.lookForStart() : this.lookForEnd();
  }

  finish(): AnswerPiece[] {
    const { waiting, state } = this;
    this.waiting = '';
    return pieces(state === 'inside' ? 'reasoning' : 'text', waiting);
  }

  private lookForStart(): AnswerPiece[] {
    const { start } = this.marks;
    const at = this.waiting.search(/\S/);
    const begun = at < 0 ? '' : this.waiting.slice(at);
    if (begun.startsWith(start)) {
      this.waiting = begun.slice(start.length);
      this.state = 'inside';
      return this.lookForEnd();
    }
    if (start.startsWith(begun)) return [];
    return this.leave(this.waiting);
  }

  private lookForEnd(): AnswerPiece[] {
    if (this.mayRepeatStart && !this.dropRepeatedStart()) return [];
    const { end, interrupts = [] } = this.marks;
    const ends = [end, ...interrupts];
    const found = firstMark(this.waiting, ends);
    if (found === null) {
      const kept = heldBack(this.waiting, ends);
      const thought = this.waiting.slice(0, this.waiting.length - kept);
      this.waiting = this.waiting.slice(thought.length);
      return pieces('reasoning', thought);
    }
    const thought = this.waiting.slice(0, found.at);
    const rest = this.waiting.slice(found.mark === end ? found.at + end.length : found.at);
    return [...pieces('reasoning', thought), ...this.leave(rest)];
  }

  /** @returns whether it is known by now that the text does not begin with the start mark, or no longer does */
  private dropRepeatedStart(): boolean {
    const { start } = this.marks;
    const begun = this.waiting.trimStart();
    if (begun.length < start.length && start.startsWith(begun)) return false;
    if (begun.startsWith(start)) this.waiting = begun.slice(start.length);
    this.mayRepeatStart = false;
    return true;
  }

  private leave(rest: string): AnswerPiece[] {
    this.state = 'after';
    this.waiting = '';
    return pieces('text', rest);
  }
}

export function pieces(type: AnswerPiece['type'], text: string): AnswerPiece[] {
  return text === '' ? [] : [{ type, text }];
}
