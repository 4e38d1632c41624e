import { RE2JS } from 're2js';
import { bug, errorMessage, RequestError } from './errors';

/**
 * A stop regex, checked and compiled: a nondeterministic automaton whose run takes time linear in the text, whatever
 * the pattern. Compiled by re2js; run by the detokenizer, one character at a time.
 */
export interface StopRegex {
  /** The pattern as the client wrote it; reported as `matched`. */
  readonly source: string;
  readonly instructions: readonly Instruction[];
  /** Index of the first instruction. */
  readonly start: number;
}

export type Instruction =
  /** Continue at both places. */
  | { readonly kind: 'split'; readonly out: number; readonly other: number }
  | { readonly kind: 'pass'; readonly out: number }
  /** Continue when all of the `Assertion` bits hold between two characters. */
  | { readonly kind: 'assert'; readonly out: number; readonly bits: number }
  /** Continue after a code point that passes the test. */
  | { readonly kind: 'character'; readonly out: number; test(codePoint: number): boolean }
  | { readonly kind: 'match' }
  | { readonly kind: 'fail' };

/** What can hold between two neighbouring characters; the numbers are those of re2js programs. */
export const Assertion = {
  beginLine: 1,
  endLine: 2,
  beginText: 4,
  endText: 8,
  wordBoundary: 16,
  noWordBoundary: 32,
} as const;

/** Bounds what one pattern can cost for each generated character. */
const MAX_INSTRUCTIONS = 2000;
const MAX_SOURCE_LENGTH = 4096;

/**
 * Compiles a Python-style pattern. Refused are look-around, back-references and everything else that has no
 * linear-time form. `\d`, `\w`, `\s` and `\b` know ASCII only, and `$` means the very end of the text.
 *
 * @throws RequestError when the pattern is malformed, not supported or too large
 */
export function compileStopRegex(source: string): StopRegex {
  if (source.length > MAX_SOURCE_LENGTH)
    throw refusal(source, `is longer than ${MAX_SOURCE_LENGTH} characters`);
  let program: unknown;
  try {
    program = RE2JS.compile(toRe2Syntax(source)).re2().prog;
  } catch (error) {
    throw refusal(source, `cannot be used: ${errorMessage(error)}`);
  }
  if (!isProgram(program)) throw bug('re2js programs have an unknown form');
  if (program.inst.length > MAX_INSTRUCTIONS) throw refusal(source, 'is too large');
  return { source, instructions: program.inst.map(toInstruction), start: program.start };
}

function refusal(source: string, reason: string): RequestError {
  const shown = source.length > 100 ? `${source.slice(0, 100)}…` : source;
  return new RequestError('bad_value', `stop_regex ${JSON.stringify(shown)} ${reason}`);
}

/** Python writes a few escapes in its own way: `\Z`, `\uXXXX` and `\UXXXXXXXX`. */
function toRe2Syntax(source: string): string {
  return source.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(Z)|[^])/g,
    (escape, short: string | undefined, long: string | undefined, end: string | undefined) => {
      const codePoint = short ?? long;
      if (codePoint !== undefined) return `\\x{${codePoint}}`;
      return end === undefined ? escape : '\\z';
    },
  );
}

/** One instruction of an re2js program, as far as it is read here. */
interface Re2Instruction {
  readonly op: number;
  readonly out: number;
  readonly arg: number;
  matchRune(codePoint: number): boolean;
}

const Op = {
  alt: 1,
  altMatch: 2,
  capture: 3,
  emptyWidth: 4,
  fail: 5,
  match: 6,
  nop: 7,
  rune: 8,
  rune1: 9,
  runeAny: 10,
  runeAnyNotNewline: 11,
} as const;

const NEWLINE = 10;

function toInstruction(inst: Re2Instruction): Instruction {
  const { op, out, arg } = inst;
  switch (op) {
    case Op.alt:
    case Op.altMatch:
      return { kind: 'split', out, other: arg };
    case Op.capture:
    case Op.nop:
      return { kind: 'pass', out };
    case Op.emptyWidth:
      return { kind: 'assert', out, bits: arg };
    case Op.fail:
      return { kind: 'fail' };
    case Op.match:
      return { kind: 'match' };
    case Op.rune:
    case Op.rune1:
      return { kind: 'character', out, test: (codePoint) => inst.matchRune(codePoint) };
    case Op.runeAny:
      return { kind: 'character', out, test: () => true };
    case Op.runeAnyNotNewline:
      return { kind: 'character', out, test: (codePoint) => codePoint !== NEWLINE };
    default:
      throw bug(`re2js programs have an unknown instruction ${op}`);
  }
}

/** re2js publishes its programs without types, so their form is checked where they enter. */
function isProgram(
  value: unknown,
): value is { readonly start: number; readonly inst: readonly Re2Instruction[] } {
  return (
    isObject(value) &&
    typeof value['start'] === 'number' &&
    Array.isArray(value['inst']) &&
    value['inst'].every(isRe2Instruction)
  );
}

function isRe2Instruction(value: unknown): value is Re2Instruction {
  return (
    isObject(value) &&
    typeof value['op'] === 'number' &&
    typeof value['out'] === 'number' &&
    typeof value['arg'] === 'number' &&
    typeof value['matchRune'] === 'function'
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
