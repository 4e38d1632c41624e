import { refuse } from '../bounds';
import { complement, type CharacterSet, type Piece } from './scan-regex';

/** What a regular expression is to match: the output itself, or what JSON writes between the quotes of a string. */
export type Matched = 'text' | 'json_string';

type Range = readonly [first: number, last: number];

/** Code points that JSON writes as escapes: control characters, quote, backslash. */
const ESCAPED: readonly Range[] = [
  [0, 31],
  [34, 34],
  [92, 92],
];
const ASCII_END = 0x7f;
const LAST = 0x10ffff;
/** Characters beyond ASCII that one class may list. */
const MAX_LISTED = 256;

/**
 * The expression in the engine's own dialect, with what the engine gets wrong written in another way: most escapes, anchors, dots
 * and classes with characters beyond ASCII. For strings of JSON, characters are written as JSON writes them, and sets lose those
 * that JSON escapes: fewer strings are allowed then, and each of them matches.
 * @param where the parameter or keyword that holds it
 * @throws RequestError `bad_value` for a set that cannot be enforced
 */
export function writeRegex(pieces: readonly Piece[], matched: Matched, where: string): string {
  const written = pieces.map((piece, at) => {
    const opensOption = piece.kind === 'open' || piece.kind === 'or';
    // An option of nothing must be written out.
    return writePiece(piece, matched, where) + (opensOption && endsOption(pieces[at + 1]) ? '()' : '');
  });
  return (endsOption(pieces[0]) ? '()' : '') + written.join('');
}

function endsOption(piece: Piece | undefined): boolean {
  return piece === undefined || piece.kind === 'or' || piece.kind === 'close';
}

function writePiece(piece: Piece, matched: Matched, where: string): string {
  switch (piece.kind) {
    case 'open':
      return '(';
    case 'close':
      return ')';
    case 'or':
      return '|';
    // The engine matches as a whole; an option of an anchor alone is one of nothing.
    case 'begin':
    case 'end':
      return '()';
    case 'repeat':
      return `{${piece.least},${piece.most === Infinity ? '' : piece.most}}`;
    case 'character': {
      const character = String.fromCodePoint(piece.codePoint);
      if (matched === 'text') return escape(piece.codePoint);
      const json = [...JSON.stringify(character).slice(1, -1)].map((part) =>
        escape(part.codePointAt(0) ?? 0),
      );
      return json.length === 1 ? json.join('') : `(${json.join('')})`;
    }
    case 'set':
      return writeSet(piece, matched, where);
  }
}

function writeSet({ isNegated, ranges }: CharacterSet, matched: Matched, where: string): string {
  const excluded = isNegated ? ranges : complement(ranges);
  const kept = complement(matched === 'text' ? excluded : [...excluded, ...ESCAPED]);
  const ascii = kept.flatMap(([first, last]): Range[] =>
    first > ASCII_END ? [] : [[first, Math.min(last, ASCII_END)]],
  );
  const beyond = kept.flatMap(([first, last]): Range[] =>
    last <= ASCII_END ? [] : [[Math.max(first, ASCII_END + 1), last]],
  );
  const [first] = beyond;
  if (first !== undefined && first[0] === ASCII_END + 1 && first[1] === LAST) {
    return `[^${
      complement([...ascii, first])
        .map(writeRange)
        .join('') || escape(0)
    }]`;
  }
  const listed = listOf(beyond);
  if (listed === null) {
    return refuse(
      where,
      `${where} has a class with part of the characters beyond ASCII, which cannot be enforced.`,
    );
  }
  if (ascii.length + listed.length === 0) {
    return refuse(
      where,
      `${where} has a class of which no character is left, because JSON writes them as escapes.`,
    );
  }
  const options = [
    ...(ascii.length > 0 ? [`[${ascii.map(writeRange).join('')}]`] : []),
    ...listed.map(escape),
  ];
  return options.length === 1 ? options.join('') : `(${options.join('|')})`;
}

/** The characters of few ranges one by one; null where they are too many. */
function listOf(ranges: readonly Range[]): number[] | null {
  const count = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  if (count > MAX_LISTED) return null;
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

function writeRange([first, last]: Range): string {
  return first === last ? escape(first) : `${escape(first)}-${escape(last)}`;
}

/** Letters and digits stand for themselves; the engine misreads most other escapes. */
function escape(codePoint: number): string {
  const character = String.fromCodePoint(codePoint);
  return codePoint > ASCII_END || /[A-Za-z0-9 _]/.test(character)
    ? character
    : `\\u{${codePoint.toString(16)}}`;
}
