/** Stands for bytes that are no character, or not yet. */
const REPLACEMENT = '\ufffd';

/** Ids of the window that are kept without looking for a place to cut it. */
const MAX_WINDOW = 64;

/** How far from the end of an overlong window a place to cut it is sought. */
const CUT_SEARCH = 16;

/**
 * Turns a growing list of token ids into text, piece by piece. The pieces joined are exactly what decoding prompt and
 * output as a whole gives after the prompt, and what was returned is never taken back. Characters that lie across
 * tokens come out with the token that completes them; a character begun by the prompt belongs to the output.
 *
 * The text of a token depends on its neighbours (leading spaces, bytes of one character), but not on those far away. So
 * only a window of recent ids is decoded each time: the ids that gave the text before, as context, and the new ones.
 */
export class IncrementalDecoder {
  private window: number[];
  /** Ids of the window that are context. */
  private read: number;
  /** Units of the window's text that have been returned or belong to the prompt. */
  private returned: number;
  /** The window's text while it is unclear whether the character it ends with is the prompt's; else null. */
  private openPrompt: string | null;

  /**
   * @param decode text of a list of ids, for which longer lists must give longer texts (no tidying of spaces)
   * @param promptTail the last ids of the prompt
   */
  constructor(
    private readonly decode: (ids: readonly number[]) => string,
    promptTail: ArrayLike<number>,
  ) {
    this.window = Array.from(promptTail);
    this.read = this.window.length;
    const context = decode(this.window);
    this.openPrompt = context.endsWith(REPLACEMENT) ? context : null;
    this.returned = decidedLength(context);
  }

  /** Continues with `ids`; returns the text that is certain by now and has not been returned. */
  push(ids: ArrayLike<number>): string {
    for (let i = 0; i < ids.length; i++) this.window.push(ids[i] ?? 0);
    const text = this.decode(this.window);
    this.settlePrompt(text);
    const decided = decidedLength(text);
    const piece = text.slice(this.returned, decided);
    if (decided === text.length && text.length > this.returned) this.slide();
    else {
      this.returned = Math.max(this.returned, decided);
      if (this.window.length > MAX_WINDOW) this.shorten(text);
    }
    return piece;
  }

  /** Returns the rest, when no more ids will come: at most the remains of an unfinished character. */
  flush(): string {
    const text = this.decode(this.window);
    const rest = text === this.openPrompt ? '' : text.slice(this.returned);
    this.returned = text.length;
    return rest;
  }

  /** A prompt that ended within a character has lost it to the output, or kept it as soon as text follows. */
  private settlePrompt(text: string): void {
    if (this.openPrompt === null || text === this.openPrompt) return;
    if (text.startsWith(this.openPrompt)) this.returned = this.openPrompt.length;
    this.openPrompt = null;
  }

  /** Everything is text: the new ids become the context of the next. */
  private slide(): void {
    this.window = this.window.slice(this.read);
    this.read = this.window.length;
    this.returned = this.decode(this.window).length;
  }

  /**
   * Keeps the window bounded where it does not slide by itself: ids that never give text, such as skipped special
   * tokens, and bytes that never become a character.
   */
  private shorten(text: string): void {
    const isSilent = (id: number) => this.decode([id, id]) === '';
    this.window = this.window.filter((id, i) => i < this.read || !isSilent(id));
    if (this.openPrompt !== null) return;
    const last = this.window.length - 1;
    for (let cut = last; cut > Math.max(this.read, last - CUT_SEARCH); cut--) {
      const tail = this.decode(this.window.slice(cut));
      const decided = decidedLength(tail);
      if (decided === 0 || this.decode(this.window.slice(0, cut)) + tail !== text) continue;
      this.window = this.window.slice(cut);
      this.read = 0;
      this.returned = decided;
      return;
    }
  }
}

/** Length of the text without an unfinished character at its end. */
function decidedLength(text: string): number {
  return text.endsWith(REPLACEMENT) ? text.length - 1 : text.length;
}
