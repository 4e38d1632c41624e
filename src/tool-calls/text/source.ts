/** A coroutine that suspends where it needs more text and at last gives a `T`. */
export type Step<T> = Generator<undefined, T, undefined>;

const SPACE = /\s/;

/**
 * Text that arrives in pieces, read from front to back and never twice. What was read stays here until somebody accounts for it:
 * `take` gives it away as text, `drop` says that it was part of a call.
 */
export class Source {
  /** The last piece, and the unread rest of those before. */
  #text = '';
  #at = 0;
  #ended = false;
  /** What was read and not accounted for: this, and `#text` from `#readFrom` to `#at`. */
  #read = '';
  #readFrom = 0;

  feed(piece: string): void {
    this.#settle();
    this.#text = this.#text.slice(this.#at) + piece;
    this.#at = 0;
    this.#readFrom = 0;
  }

  end(): void {
    this.#ended = true;
  }

  /** What has arrived and is unread. */
  get rest(): string {
    return this.#text.slice(this.#at);
  }

  /** Reads so many characters of `rest`. */
  advance(count: number): void {
    this.#at += count;
  }

  /** What was read and not accounted for. */
  take(): string {
    this.#settle();
    const read = this.#read;
    this.#read = '';
    return read;
  }

  drop(): void {
    this.take();
  }

  /** Takes back what `take` gave. */
  untake(text: string): void {
    this.#settle();
    this.#read = text + this.#read;
  }

  /** Waits for text. @returns false when none will come */
  *more(): Step<boolean> {
    if (this.#ended) return false;
    yield;
    return true;
  }

  /** The next character, unread; empty at the end. */
  *peek(): Step<string> {
    while (this.#at === this.#text.length) if (!(yield* this.more())) return '';
    return this.#text.charAt(this.#at);
  }

  /** Reads whitespace, if any. */
  *spaces(): Step<void> {
    while (SPACE.test(yield* this.peek())) this.#at++;
  }

  /** Reads one of `words`, none of which begins another. @returns null, with nothing read, when none comes */
  *word(...words: readonly string[]): Step<string | null> {
    for (;;) {
      const found = words.find((word) => this.#text.startsWith(word, this.#at));
      if (found !== undefined) {
        this.#at += found.length;
        return found;
      }
      const isOpen = words.some((word) => this.#mayBecome(word, this.#at));
      if (!isOpen || !(yield* this.more())) return null;
    }
  }

  /** Reads everything before the first of `marks`, which is unread. @returns null when the text ends without one */
  *before(...marks: readonly string[]): Step<string | null> {
    let text = '';
    for (;;) {
      const from = this.#at;
      const mark = this.readTo(marks);
      text += this.#text.slice(from, this.#at);
      if (mark !== null) return text;
      if (!(yield* this.more())) return null;
    }
  }

  /** Reads characters that match. */
  *while(pattern: RegExp): Step<string> {
    let text = '';
    for (;;) {
      const character = yield* this.peek();
      if (character === '' || !pattern.test(character)) return text;
      text += character;
      this.#at++;
    }
  }

  /**
   * Reads as far as none of `marks` can begin, without waiting; at the end of the text all of it.
   * @returns the mark that comes next, unread; null when it is not there yet
   */
  readTo(marks: readonly string[]): string | null {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (!marks.some((mark) => mark.charCodeAt(0) === code)) continue;
      const found = marks.find((mark) => this.#text.startsWith(mark, this.#at));
      if (found !== undefined) return found;
      if (!this.#ended && marks.some((mark) => this.#mayBecome(mark, this.#at))) return null;
    }
    return null;
  }

  /** Whether the text from `at` on is the beginning of `word` and not all of it. */
  #mayBecome(word: string, at: number): boolean {
    const length = this.#text.length - at;
    return length < word.length && word.startsWith(this.#text.slice(at));
  }

  #settle(): void {
    this.#read += this.#text.slice(this.#readFrom, this.#at);
    this.#readFrom = this.#at;
  }
}
