import { numberOf } from './number';
import type { Source, Step } from '../text/source';

const MAX_DEPTH = 32;
const WORDS: ReadonlyMap<string, string> = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
  ['true', 'true'],
  ['false', 'false'],
  ['null', 'null'],
]);
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['b', '\b'],
  ['f', '\f'],
  ['a', '\x07'],
  ['v', '\v'],
  ['0', '\0'],
  ['\n', ''],
]);
/** Digits of an escape, by its letter. */
const CODE_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);
const CLOSING: Readonly<Record<string, string>> = { '[': ']', '(': ')', '{': '}' };

/**
 * Reads a literal of Python: a number, a string, a word, a list, a tuple, a dictionary. JSON's words are taken as well.
 * @returns it as JSON text; null where it is none
 */
export function* readPythonLiteral(source: Source, depth = 0): Step<string | null> {
  const first = yield* source.peek();
  if (first === '"' || first === "'") return yield* readStrings(source);
  if (first in CLOSING) return depth < MAX_DEPTH ? yield* readContainer(source, depth) : null;
  const atom = yield* source.while(/[-+.\w]/);
  return WORDS.get(atom) ?? numberOf(atom);
}

/** A string, or several in a row, which are one. */
function* readStrings(source: Source): Step<string | null> {
  let text = '';
  for (;;) {
    const quote = (yield* source.word('"""', "'''")) ?? (yield* source.word('"', "'"));
    if (quote === null) return JSON.stringify(text);
    const part = yield* readString(source, quote);
    if (part === null) return null;
    text += part;
    yield* source.spaces();
  }
}

function* readString(source: Source, quote: string): Step<string | null> {
  let text = '';
  while ((yield* source.word(quote)) === null) {
    const character = yield* source.peek();
    if (character === '') return null;
    source.advance(1);
    if (character !== '\\') {
      text += character;
      continue;
    }
    const escaped = yield* readEscape(source);
    if (escaped === null) return null;
    text += escaped;
  }
  return text;
}

function* readEscape(source: Source): Step<string | null> {
  const letter = yield* source.peek();
  if (letter === '') return null;
  source.advance(1);
  const length = CODE_LENGTHS.get(letter);
  if (length === undefined) return ESCAPES.get(letter) ?? (/["'\\]/.test(letter) ? letter : `\\${letter}`);
  let digits = '';
  while (digits.length < length) {
    const digit = yield* source.peek();
    if (!/^[\da-fA-F]$/.test(digit)) return null;
    digits += digit;
    source.advance(1);
  }
  const code = parseInt(digits, 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : null;
}

function* readContainer(source: Source, depth: number): Step<string | null> {
  const open = yield* source.peek();
  const close = CLOSING[open] ?? '';
  const members: string[] = [];
  source.advance(1);
  for (;;) {
    yield* source.spaces();
    if ((yield* source.word(close)) !== null) break;
    const member = yield* open === '{' ? readPair(source, depth) : readPythonLiteral(source, depth + 1);
    if (member === null) return null;
    members.push(member);
    yield* source.spaces();
    const next = yield* source.word(',', close);
    if (next === null) return null;
    if (next === close) break;
  }
  const inside = members.join(', ');
  return open === '{' ? `{${inside}}` : `[${inside}]`;
}

/** `key: value`; keys that are no strings become ones. */
function* readPair(source: Source, depth: number): Step<string | null> {
  const key = yield* readPythonLiteral(source, MAX_DEPTH);
  yield* source.spaces();
  if (key === null || (yield* source.word(':')) === null) return null;
  yield* source.spaces();
  const value = yield* readPythonLiteral(source, depth + 1);
  return value === null ? null : `${key.startsWith('"') ? key : JSON.stringify(key)}: ${value}`;
}
