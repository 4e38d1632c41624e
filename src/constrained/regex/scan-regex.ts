/** Regular expressions in pieces: enough to bound and rewrite them. The engine has the last word on what is sound. */

/** A set of characters, written as an escape, a class or a dot. */
export interface CharacterSet {
  readonly kind: 'set';
  readonly isNegated: boolean;
  /** Inclusive code points. */
  readonly ranges: readonly (readonly [first: number, last: number])[];
}

export type Piece =
  | { readonly kind: 'character'; readonly codePoint: number }
  | CharacterSet
  | { readonly kind: 'open' | 'close' | 'or' | 'begin' | 'end' }
  /** How often what precedes it is repeated; `most` may be Infinity. */
  | { readonly kind: 'repeat'; readonly least: number; readonly most: number };

/** What is not understood here, in words. */
export class UnknownPiece extends Error {}

type Ranges = CharacterSet['ranges'];

const DIGITS: Ranges = [[48, 57]];
const WORD: Ranges = [...DIGITS, [65, 90], [95, 95], [97, 122]];
/** ASCII's, as in RE2. */
const SPACES: Ranges = [
  [9, 13],
  [32, 32],
];
const SETS: Readonly<Record<string, Ranges>> = { d: DIGITS, w: WORD, s: SPACES };
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11 };
const LINE_ENDS: Ranges = [
  [10, 10],
  [13, 13],
];
const MARKS: Readonly<Record<string, Piece['kind'] & ('close' | 'or' | 'begin' | 'end')>> = {
  ')': 'close',
  '|': 'or',
  '^': 'begin',
  $: 'end',
};
const SIMPLE_REPEATS: Readonly<Record<string, readonly [number, number]>> = {
  '*': [0, Infinity],
  '+': [1, Infinity],
  '?': [0, 1],
};

/** @throws UnknownPiece for what is neither plain nor any of `Piece` */
export function scanRegex(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match) at += match[0].length;
    return match;
  };
  while (at < source.length) {
    const group = take(/\((\?[^)]{0,3})?/y);
    if (group) {
      at -= (group[1] ?? '').length;
      if (group[1] !== undefined && !take(/\?:|\?P?<[A-Za-z_]\w*>/y)) {
        throw new UnknownPiece(`(${group[1].slice(0, 2)} at position ${at}`);
      }
      pieces.push({ kind: 'open' });
      continue;
    }
    const bounds = take(/\{(\d{1,9})(,(\d{0,9}))?\}/y);
    const simple = bounds ? null : take(/[*+?]/y);
    if (bounds ?? simple) {
      pieces.push({ kind: 'repeat', ...repetition(bounds, simple?.[0]) });
      // Lazy is as good as greedy for what matches as a whole.
      if (!take(/\?/y) && take(/\+/y)) throw new UnknownPiece(`a possessive quantifier at position ${at}`);
      continue;
    }
    const open = take(/\[\^?/y);
    if (open) {
      pieces.push(readClass(source, () => at, take, open[0] === '[^'));
      continue;
    }
    if (take(/\./y)) {
      pieces.push({ kind: 'set', isNegated: true, ranges: LINE_ENDS });
      continue;
    }
    const mark = take(/[)|^$]/y);
    if (mark) {
      pieces.push({ kind: MARKS[mark[0]] ?? 'close' });
      continue;
    }
    pieces.push(readCharacter(take, () => at));
  }
  return pieces;
}

type Take = (pattern: RegExp) => RegExpExecArray | null;

function repetition(bounds: RegExpExecArray | null, simple: string | undefined) {
  const [least, most] = SIMPLE_REPEATS[simple ?? ''] ?? [
    Number(bounds?.[1]),
    bounds?.[2] === undefined ? Number(bounds?.[1]) : bounds[3] === '' ? Infinity : Number(bounds[3]),
  ];
  return { least, most };
}

/** A character or an escape, inside a class and outside. */
function readCharacter(take: Take, at: () => number): CharacterSet | Extract<Piece, { kind: 'character' }> {
  const set = take(/\\([dwsDWS])/y);
  if (set) {
    const letter = set[1] ?? '';
    const lower = letter.toLowerCase();
    return { kind: 'set', isNegated: letter !== lower, ranges: SETS[lower] ?? [] };
  }
  const hex = take(/\\x([\da-fA-F]{2})|\\u([\da-fA-F]{4})|\\u\{([\da-fA-F]{1,6})\}/y);
  if (hex) return { kind: 'character', codePoint: parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16) };
  const control = take(/\\([nrtfv])/y);
  if (control) return { kind: 'character', codePoint: CONTROLS[control[1] ?? ''] ?? 0 };
  const escaped = take(/\\([^A-Za-z0-9])/uy);
  const plain = escaped ? null : take(/[^\\]/uy);
  const character = escaped?.[1] ?? plain?.[0];
  if (character === undefined) throw new UnknownPiece(`an escape at position ${at()}`);
  return { kind: 'character', codePoint: character.codePointAt(0) ?? 0 };
}

function readClass(source: string, at: () => number, take: Take, isNegated: boolean): CharacterSet {
  const ranges: (readonly [number, number])[] = [];
  const opened = at();
  while (!take(/\]/y)) {
    if (at() >= source.length) throw new UnknownPiece(`a class without end at position ${opened}`);
    const first = readCharacter(take, at);
    if (first.kind === 'set') {
      ranges.push(...(first.isNegated ? complement(first.ranges) : first.ranges));
      continue;
    }
    if (!take(/-(?!\])/y)) {
      ranges.push([first.codePoint, first.codePoint]);
      continue;
    }
    const last = readCharacter(take, at);
    if (last.kind === 'set' || last.codePoint < first.codePoint) {
      throw new UnknownPiece(`a range without order at position ${at()}`);
    }
    ranges.push([first.codePoint, last.codePoint]);
  }
  return { kind: 'set', isNegated, ranges };
}

const LAST = 0x10ffff;

/** The characters that are in none of the ranges. */
export function complement(ranges: Ranges): Ranges {
  const gaps: (readonly [number, number])[] = [];
  let next = 0;
  for (const [first, last] of [...ranges].sort(([a], [b]) => a - b)) {
    if (first > next) gaps.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= LAST) gaps.push([next, LAST]);
  return gaps;
}
