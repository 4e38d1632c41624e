/** Characters that are spelled at once; what is longer goes on after them. */
const MAX_TEXT = 512;

/** Writes text with tokens: each time the longest that fits. */
export class Speller {
  private byText: ReadonlyMap<string, number> | null = null;
  private longest = 0;

  /** @param readTexts asked once: texts by id, each character a byte, empty for tokens that are not to be used */
  constructor(private readonly readTexts: () => readonly string[]) {}

  /**
   * @param text that must come, whatever comes after it
   * @returns its tokens but for the last, which may be one with what follows; fewer where no token fits
   */
  spell(text: string): readonly number[] {
    if (text === '') return [];
    // The engine may know no more than the first bytes of the last character, and has any character stand for them.
    const whole = text.slice(0, MAX_TEXT).replace(/(?:[\ud800-\udbff][\udc00-\udfff]|[^\x20-\x7e])$/, '');
    const rest = Buffer.from(whole, 'utf8').toString('latin1');
    const ids: number[] = [];
    for (let at = 0; at < rest.length;) {
      const length = this.fitting(rest, at);
      if (length === 0) break;
      ids.push(this.tokens.get(rest.slice(at, at + length)) as number);
      at += length;
    }
    return ids.slice(0, -1);
  }

  /** Length of the longest token that a text has at a place; 0 where none fits. */
  private fitting(text: string, at: number): number {
    const { tokens } = this;
    for (let length = Math.min(this.longest, text.length - at); length > 0; length--) {
      if (tokens.has(text.slice(at, at + length))) return length;
    }
    return 0;
  }

  private get tokens(): ReadonlyMap<string, number> {
    this.byText ??= this.read();
    return this.byText;
  }

  private read(): ReadonlyMap<string, number> {
    const texts = new Map<string, number>();
    this.readTexts().forEach((text, id) => {
      if (text === '' || texts.has(text)) return;
      texts.set(text, id);
      this.longest = Math.max(this.longest, text.length);
    });
    return texts;
  }
}
