import fc from 'fast-check';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer';
import { IncrementalDecoder } from '../../../src/detokenizer/incremental-decoder';
import { testTokenizers, TINY_TOKENIZERS } from './tokenizers';

const TEXTS = [
  "Hello, world . It 's n't 3.14 !",
  '  two  spaces\n\n\ttabs ',
  '😀👍🏽 family 👨‍👩‍👧‍👦 flags 🇫🇷🇯🇵',
  '你好，世界！日本語テキスト 한국어',
  'e\u0301 n\u0303 a\u0323\u0302 हिन्दी ไทย עברית',
  '\ufeffbyte order mark \ufeff\ufeff',
  '𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \u{10ffff} \u0000 \u007f',
];

/** The text of `output` where it follows `prompt`: what any way of decoding piece by piece has to add up to. */
function wholeText(decode: (ids: readonly number[]) => string, prompt: number[], output: number[]): string {
  const before = decode(prompt);
  const whole = decode([...prompt, ...output]);
  return whole.slice(whole.startsWith(before) ? before.length : before.length - 1);
}

/** Cuts `ids` into chunks; `cuts` are the positions. */
function chunks(ids: number[], cuts: number[]): number[][] {
  const borders = [0, ...cuts.map((cut) => cut % (ids.length + 1)).sort((a, b) => a - b), ids.length];
  return borders.slice(1).map((end, i) => ids.slice(borders[i], end));
}

describe('U+FEFF with byte fallback', () => {
  // As Python's tokenizers decode what they encode: nothing is lost, at whatever place.
  const texts = ['x\ufeffy', '\ufeffx', 'x\ufeff', '\ufeff\ufeff', '中\ufeff文', '\ufeff😀\ufeff'];
  const [, fallback] = TINY_TOKENIZERS;
  if (fallback === undefined) throw new Error('no tokenizer with byte fallback');

  it.each(texts)('stays in %j, whole and streamed', async (text) => {
    const tokenizer = await fallback.load();
    const bytes = [...Buffer.from(text)].map((byte) => fallback.firstByte + byte);
    expect(tokenizer.decode(bytes)).toBe(text);
    const decode = (ids: readonly number[]) => tokenizer.decode(ids, { cleanUpSpaces: false });
    const decoder = new IncrementalDecoder(decode, []);
    const pieces = bytes.map((id) => decoder.push([id]));
    expect(pieces.join('') + decoder.flush()).toBe(text);
  });
});

describe.each(testTokenizers())('$name', ({ load }) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await load();
  });

  const decoderOf = (skipSpecialTokens: boolean) => (ids: readonly number[]) =>
    tokenizer.decode(ids, { skipSpecialTokens, cleanUpSpaces: false });

  it('adds up to the whole text, for any ids, prompts and cuts', () => {
    const top = tokenizer.vocabSize + 2;
    // Half of the ids from the beginning of the vocabulary, where the single bytes are, half from its end.
    const id = fc.oneof(
      fc.nat(Math.min(300, top)),
      fc.nat(30).map((n) => top - n),
      fc.nat(top),
    );
    fc.assert(
      fc.property(
        fc.array(id, { maxLength: 6 }),
        fc.array(id, { maxLength: 40 }),
        fc.array(fc.nat(1000), { maxLength: 40 }),
        fc.boolean(),
        (prompt, output, cuts, skipSpecialTokens) => {
          const decode = decoderOf(skipSpecialTokens);
          const decoder = new IncrementalDecoder(decode, prompt);
          const pieces = chunks(output, cuts).map((chunk) => decoder.push(chunk));
          pieces.push(decoder.flush());
          expect(pieces.join('')).toBe(wholeText(decode, prompt, output));
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each(TEXTS)('gives only whole characters, at every cut of %j', (text) => {
    const decode = decoderOf(true);
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    const whole = decode(ids);
    for (let cut = 0; cut <= ids.length; cut++) {
      const decoder = new IncrementalDecoder(decode, []);
      const pieces = [decoder.push(ids.slice(0, cut)), decoder.push(ids.slice(cut)), decoder.flush()];
      expect(pieces.join('')).toBe(whole);
      expect(pieces.join('|')).not.toContain('\ufffd');

      const continued = new IncrementalDecoder(decode, ids.slice(0, cut));
      const rest = continued.push(ids.slice(cut)) + continued.flush();
      expect(whole.endsWith(rest)).toBe(true);
    }
    const oneByOne = new IncrementalDecoder(decode, []);
    const pieces = ids.map((id) => oneByOne.push([id]));
    expect(pieces.join('')).toBe(whole);
    for (const piece of pieces) expect(piece).toBe(Buffer.from(piece).toString());
  });
});

describe.each(TINY_TOKENIZERS)('a long output without a single character ($name)', ({ load, firstByte }) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await load();
  });

  const NO_TOKEN = 9999;

  it.each([
    { of: 'continuation bytes', pattern: [firstByte + 0x80] },
    { of: 'leading bytes', pattern: [firstByte + 0xf0] },
    { of: 'unfinished characters', pattern: [firstByte + 0xf0, firstByte + 0x9f] },
    { of: 'ids without a token', pattern: [NO_TOKEN] },
  ])('is decoded in a bounded window: $of', ({ pattern }) => {
    let longest = 0;
    const decode = (ids: readonly number[]) => {
      longest = Math.max(longest, ids.length);
      return tokenizer.decode(ids, { skipSpecialTokens: true, cleanUpSpaces: false });
    };
    const output = Array.from({ length: 400 }, (_, i) => pattern[i % pattern.length] ?? 0);
    const decoder = new IncrementalDecoder(decode, [firstByte + 0x61]);
    const text = output.map((id) => decoder.push([id])).join('') + decoder.flush();
    expect(longest).toBeLessThan(100);
    expect(text).toBe(wholeText(decode, [firstByte + 0x61], output));
  });
});
