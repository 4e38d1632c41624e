import { fields, oneOf, string, type Check } from './check';

/** The languages in which a request can say what its output must look like. */
export const GRAMMAR_KINDS = ['json', 'regex', 'ebnf', 'structural_tag'] as const;

export type GrammarKind = (typeof GRAMMAR_KINDS)[number];

/** What constrains the output of a request, checked as far as it can be without compiling it. */
export interface Grammar {
  readonly kind: GrammarKind;
  /** A JSON Schema or structural tag as JSON text, a regular expression, or rules of which the first is `root`. */
  readonly source: string;
}

/** Checks what arrives in another process. */
export const grammar: Check<Grammar> = fields<Grammar>({ kind: oneOf(...GRAMMAR_KINDS), source: string });

/** Where one sequence of tokens stands in a compiled grammar. Belongs to one request. */
export interface GrammarMatcher {
  /**
   * The tokens that may come next, one bit each: of token `id`, bit `id % 32` of word `id / 32`. Holds until the next call of
   * `accept`.
   */
  mask(): Promise<Int32Array>;
  /** @returns false where the token may not come next; the matcher has not moved then */
  accept(id: number): boolean;
  /**
   * Tokens of the text that must come next, in order; empty where there is more than one way to go on. The last ones of that
   * text are left to whoever draws: they may be one token with what follows. Holds until the next call of `accept`.
   */
  forced(): readonly number[];
  /** Whether the end-of-sequence token was accepted: nothing may come any more. */
  readonly isTerminated: boolean;
  /** Frees its memory; the last call. */
  dispose(): void;
}

/** In place of a schema: any object or array. */
export const ANY_JSON = '$$ANY$$';

const MARK_BEGIN = '\x02';
const MARK_END = '\x03';

/**
 * Fixed text of a structural tag that a model writes as one special token, where its vocabulary has one with this text; else it is
 * text as any other. No text that a model may choose has special tokens in it.
 */
export function mark(text: string): string {
  return `${MARK_BEGIN}${text}${MARK_END}`;
}

/** @param as what stands in the place of a mark with this text */
export function replaceMarks(text: string, as: (marked: string) => string): string {
  return text.replace(/\x02([^\x02\x03]*)\x03/g, (_, inner: string) => as(inner));
}
