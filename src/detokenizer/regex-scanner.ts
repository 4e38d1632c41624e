import { Assertion, type StopRegex } from '../core/stop-regex';
import { bug } from '../core/errors';
import type { Scanner } from './scanner';

/** Stands for the missing neighbour at either end of the text. */
const NONE = -1;
const NEWLINE = 10;

/**
 * Watches for one regular expression by running its automaton along the text, all alternatives at once. After each
 * `feed` the answer is that of a search in the text so far, as if it ended there: `$` and `\b` hold at its end.
 *
 * Each alternative (thread) is an instruction to continue at and the position where its match began. Threads are kept
 * in the order of their beginnings, so that the first to reach an instruction is the leftmost one.
 */
export class RegexScanner implements Scanner {
  /** Threads waiting for the next character: instruction and beginning, side by side. */
  private waiting: number[] = [];
  private begun: number[] = [];
  private position = 0;
  private previous = NONE;
  /** For each instruction, the last round in which it was reached. */
  private readonly reached: Uint32Array;
  private round = 0;
  private readonly stack: number[] = [];
  /** Whether the text so far ends with one in which no match may end. */
  private skipped = false;

  constructor(private readonly regex: StopRegex) {
    this.reached = new Uint32Array(regex.instructions.length);
  }

  get undecidedFrom(): number {
    return this.begun[0] ?? this.position;
  }

  feed(text: string): number | null {
    let found: number | null = null;
    for (const character of text) {
      found = this.advance(character, found, !this.skipped);
      this.skipped = false;
    }
    // As if the text ended here; the threads stay as they are.
    return this.reach(assertionsBetween(this.previous, NONE), found, !this.skipped, () => undefined);
  }

  skip(text: string): void {
    for (const character of text) this.advance(character, null, false);
    this.skipped ||= text !== '';
  }

  /**
   * Reads one character.
   * @param counts whether a match that ends before it counts
   * @returns the leftmost beginning of such a match, or `found`
   */
  private advance(character: string, found: number | null, counts: boolean): number | null {
    const codePoint = character.codePointAt(0) ?? NONE;
    const held = assertionsBetween(this.previous, codePoint);
    const waiting: number[] = [];
    const begun: number[] = [];
    const best = this.reach(held, found, counts, (out, begin) => {
      if (!out.test(codePoint)) return;
      waiting.push(out.out);
      begun.push(begin);
    });
    this.waiting = waiting;
    this.begun = begun;
    this.previous = codePoint;
    this.position += character.length;
    return best;
  }

  /**
   * Follows every thread, and a new one that begins here, to the characters they wait for.
   * @param found beginning of the best match so far; threads that begin there or later cannot better it
   * @param counts whether a match that ends here counts
   * @returns the beginning of the best match now
   */
  private reach(
    held: number,
    found: number | null,
    counts: boolean,
    onCharacter: (instruction: { out: number; test(codePoint: number): boolean }, begin: number) => void,
  ): number | null {
    this.round += 1;
    let best = found;
    for (let thread = 0; thread <= this.waiting.length; thread++) {
      const begin = this.begun[thread] ?? this.position;
      if (best !== null && begin >= best) break;
      this.stack.push(this.waiting[thread] ?? this.regex.start);
      for (let pc = this.stack.pop(); pc !== undefined; pc = this.stack.pop()) {
        if (this.reached[pc] === this.round) continue;
        this.reached[pc] = this.round;
        const instruction = this.regex.instructions[pc];
        if (instruction === undefined) throw bug('a stop regex leads nowhere');
        switch (instruction.kind) {
          case 'split':
            this.stack.push(instruction.other, instruction.out);
            break;
          case 'pass':
            this.stack.push(instruction.out);
            break;
          case 'assert':
            if ((instruction.bits & ~held) === 0) this.stack.push(instruction.out);
            break;
          case 'character':
            onCharacter(instruction, begin);
            break;
          case 'match':
            if (counts) best = begin;
            break;
          case 'fail':
            break;
        }
      }
    }
    return best;
  }
}

/** The `Assertion` bits that hold between two code points. */
function assertionsBetween(before: number, after: number): number {
  let bits = isWord(before) === isWord(after) ? Assertion.noWordBoundary : Assertion.wordBoundary;
  if (before === NONE) bits |= Assertion.beginText | Assertion.beginLine;
  if (before === NEWLINE) bits |= Assertion.beginLine;
  if (after === NONE) bits |= Assertion.endText | Assertion.endLine;
  if (after === NEWLINE) bits |= Assertion.endLine;
  return bits;
}

function isWord(codePoint: number): boolean {
  return (
    (codePoint >= 0x61 && codePoint <= 0x7a) ||
    (codePoint >= 0x41 && codePoint <= 0x5a) ||
    (codePoint >= 0x30 && codePoint <= 0x39) ||
    codePoint === 0x5f
  );
}
