import type { TokenTexts } from '../core/thinking';
import { readVocabulary, type Vocabulary } from './vocabulary';

/** @param dir folder of tokenizer.json, which is read for the first question */
export function lazyTokenTexts(dir: string): TokenTexts {
  let texts: TokenTexts | null = null;
  const read = () => (texts ??= new VocabularyTexts(readVocabulary(dir)));
  return {
    textOf: (id) => read().textOf(id),
    overrunning: (mark) => read().overrunning(mark),
  };
}

/** The texts of a vocabulary, special tokens among them. */
export class VocabularyTexts implements TokenTexts {
  private readonly texts: readonly string[];
  private readonly overrun = new Map<string, readonly number[]>();

  constructor(vocabulary: Vocabulary) {
    this.texts = tokenTexts(vocabulary);
  }

  textOf(id: number): string {
    return this.texts[id] ?? '';
  }

  /** Looks through the whole vocabulary, once for each mark. */
  overrunning(mark: string): readonly number[] {
    const known = this.overrun.get(mark);
    if (known !== undefined) return known;
    const found = this.texts.flatMap((text, id) =>
      text.length > mark.length && text.startsWith(mark) ? [id] : [],
    );
    this.overrun.set(mark, found);
    return found;
  }
}

/** Made once for each vocabulary. */
const known = new WeakMap<Vocabulary, readonly string[]>();

/** By id, each character a byte. */
export function tokenTexts(vocabulary: Vocabulary): readonly string[] {
  const { tokens, spelling, added } = vocabulary;
  const spell = SPELLINGS[spelling];
  const texts =
    known.get(vocabulary) ??
    tokens.map((token, id) => {
      const content = added.get(id);
      return content === undefined ? spell(token) : utf8(content);
    });
  known.set(vocabulary, texts);
  return texts;
}

/**
 * @param text bytes in UTF-8, each a character
 * @param missing bytes that the character before them still lacked
 * @returns bytes that the last character lacks
 */
export function missingBytes(text: string, missing: number): number {
  let left = missing;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    if (byte < 0x80) left = 0;
    else if (byte < 0xc0) left = Math.max(0, left - 1);
    else left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
  }
  return left;
}

const SPELLINGS: Readonly<Record<Vocabulary['spelling'], (token: string) => string>> = {
  byte_level: (token) => (isByteLevel(token) ? Array.from(token, byteOfLetter).join('') : utf8(token)),
  byte_fallback: (token) => {
    const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
    return byte === undefined
      ? utf8(token.replaceAll('\u2581', ' '))
      : String.fromCharCode(parseInt(byte, 16));
  },
  raw: utf8,
};

function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** GPT-2's letters for bytes that do not print: those from U+0100 on stand for them in order. */
const UNPRINTED = Array.from({ length: 256 }, (_, byte) => byte).filter(
  (byte) => byte <= 0x20 || (byte >= 0x7f && byte <= 0xa0) || byte === 0xad,
);

function isByteLevel(token: string): boolean {
  return [...token].every((letter) => letter.charCodeAt(0) < 0x100 + UNPRINTED.length);
}

/** The letters that stand for bytes, each a character, in a vocabulary of that spelling. */
export function lettersOfBytes(bytes: string): string {
  return Array.from(bytes, (byte) => {
    const at = UNPRINTED.indexOf(byte.charCodeAt(0));
    return at === -1 ? byte : String.fromCharCode(0x100 + at);
  }).join('');
}

function byteOfLetter(letter: string): string {
  const code = letter.charCodeAt(0);
  return code < 0x100 ? letter : String.fromCharCode(UNPRINTED[code - 0x100] ?? 0);
}
