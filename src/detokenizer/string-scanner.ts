import type { Scanner } from './scanner';

/** Watches for one string (Knuth-Morris-Pratt): each unit of text is looked at once, however long the string is. */
export class StringScanner implements Scanner {
  private readonly borders: Int32Array;
  private position = 0;
  /** Units of the string that the text so far ends with. */
  private matched = 0;

  /** @param stop not empty */
  constructor(private readonly stop: string) {
    this.borders = bordersOf(stop);
  }

  get undecidedFrom(): number {
    return this.position - this.matched;
  }

  feed(text: string): number | null {
    for (let i = 0; i < text.length; i++) {
      this.advance(text.charCodeAt(i));
      if (this.matched === this.stop.length) return this.position - this.matched;
    }
    return null;
  }

  skip(text: string): void {
    for (let i = 0; i < text.length; i++) {
      this.advance(text.charCodeAt(i));
      if (this.matched === this.stop.length) this.matched = this.borders[this.matched - 1] ?? 0;
    }
  }

  private advance(unit: number): void {
    this.matched = advance(this.stop, this.borders, this.matched, unit);
    this.position += 1;
  }
}

/** Units of `stop` matched after `unit`, when `matched` (fewer than all) were matched before it. */
function advance(stop: string, borders: Int32Array, matched: number, unit: number): number {
  while (matched > 0 && stop.charCodeAt(matched) !== unit) matched = borders[matched - 1] ?? 0;
  return stop.charCodeAt(matched) === unit ? matched + 1 : 0;
}

/** For each prefix of `stop`: the length of the longest shorter prefix that it also ends with. */
function bordersOf(stop: string): Int32Array {
  const borders = new Int32Array(stop.length);
  for (let i = 1; i < stop.length; i++) {
    borders[i] = advance(stop, borders, borders[i - 1] ?? 0, stop.charCodeAt(i));
  }
  return borders;
}
