import { boolean, fields, listOf, nullOr, number, string, type Check } from './check';
import { firstMark, heldBack } from './marks';

/** A text that begins or ends thoughts, and the tokens it is written with. */
export interface Mark {
  readonly text: string;
  readonly ids: readonly number[];
}

/** How the thoughts of a model are marked in its text. */
export interface ThoughtMarks {
  readonly start: string;
  /** Each ends the thoughts, where it ends. */
  readonly ends: readonly string[];
}

/** That a model thinks before it answers, as far as those must know who choose its tokens. */
export interface Thinking {
  /** Whether the prompt has begun the thoughts; otherwise the model may. */
  readonly isBegun: boolean;
  readonly start: Mark;
  /** What is written to end the thoughts. */
  readonly end: Mark;
  /** Texts that end them as well. */
  readonly otherEnds: readonly string[];
  /** Tokens of thought at most, after which they are ended; null for no limit. */
  readonly budget: number | null;
  /** Whether the request's grammar holds only from the end of the thoughts on. */
  readonly isGrammarAfter: boolean;
  /** Tokens that end a text. They may not come while a grammar waits: the answer would be none. */
  readonly eosTokenIds: readonly number[];
}

const mark = fields<Mark>({ text: string, ids: listOf(number) });

/** Checks what arrives in another process. */
export const thinking: Check<Thinking> = fields<Thinking>({
  isBegun: boolean,
  start: mark,
  end: mark,
  otherEnds: listOf(string),
  budget: nullOr(number),
  isGrammarAfter: boolean,
  eosTokenIds: listOf(number),
});

/** Texts of tokens as strings of bytes: each character is one byte. */
export interface TokenTexts {
  /** Empty for ids that are no tokens. */
  textOf(id: number): string;
  /**
   * Tokens that go on after completing a mark.
   * @param mark what completes it: the mark or the rest of it
   */
  overrunning(mark: string): readonly number[];
}

/** Where a text stands: thoughts may still begin, last, or are over (or there are none). */
export type ThoughtPhase = 'before' | 'inside' | 'after';

/** Follows a text as it comes in and says whether it is thought; a start counts only where nothing but white space came before. */
export class ThoughtTracker {
  private text = '';

  constructor(
    private readonly marks: ThoughtMarks,
    public phase: ThoughtPhase,
  ) {}

  push(text: string): void {
    if (this.phase === 'after') return;
    this.text += text;
    if (this.phase === 'before') this.lookForStart();
    if (this.phase === 'inside') this.lookForEnd();
  }

  /** Whatever the text says. */
  enter(phase: ThoughtPhase): void {
    this.phase = phase;
    this.text = '';
  }

  /** What would complete an end now, the whole end among it. */
  get completions(): readonly string[] {
    return this.marks.ends.flatMap((end) => [
      end,
      ...suffixes(end).filter((rest) => this.text.endsWith(end.slice(0, end.length - rest.length))),
    ]);
  }

  private lookForStart(): void {
    const begun = this.text.trimStart();
    const { start } = this.marks;
    if (begun.startsWith(start)) {
      this.phase = 'inside';
      this.text = begun.slice(start.length);
    } else if (!start.startsWith(begun)) {
      this.enter('after');
    }
  }

  private lookForEnd(): void {
    const { ends } = this.marks;
    if (firstMark(this.text, ends) !== null) this.enter('after');
    else this.text = this.text.slice(this.text.length - heldBack(this.text, ends));
  }
}

/** The proper ones. */
function suffixes(text: string): string[] {
  return Array.from({ length: text.length - 1 }, (_, i) => text.slice(i + 1));
}
