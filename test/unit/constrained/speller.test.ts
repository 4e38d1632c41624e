import { mark } from '../../../src/core/grammar';
import { SpecialTokens } from '../../../src/constrained/special-tokens';
import { Speller } from '../../../src/constrained/speller';

const TOKENS = ['a', 'b', 'ab', 'abc', '', '"', 'Ã', '¤', 'abcd', '\u0120x'];
const special = new SpecialTokens(
  {
    tokens: TOKENS,
    spelling: 'byte_level',
    // Special: no text is written with it.
    added: new Map([[4, 'abcab']]),
    eosTokenId: null,
  },
  [],
);
const speller = new Speller(() => special.texts());
const spell = (text: string) => speller.spell(text).map((id) => TOKENS[id]);

it.each<[string, string[]]>([
  ['', []],
  ['abc', []],
  ['abcab"', ['abc', 'ab']],
  ['abcd x', ['abcd']],
  ['aä"', ['a', 'Ã', '¤']],
  // Nothing fits `c` alone: what goes before is spelled, but for its last token.
  ['aabc', ['a']],
  ['bacb', ['b']],
  // The last character may be none at all; one that is there is left to whoever draws.
  ['ab"ä', ['ab']],
  ['ab"\u0010', ['ab']],
  ['ab"😀', ['ab']],
  ['abä"ab\ufffd', ['ab', 'Ã', '¤', '"']],
])('%j', (text, expected) => expect(spell(text)).toEqual(expected));

it('writes marks with their tokens', () => {
  const meant = new Set<number>();
  expect(speller.spell(special.named(`a${mark('abcab')}ab"`, meant))).toEqual([0, 4, 2]);
  expect(special.named(mark('b'), meant)).toBe('b');
  expect([...meant]).toEqual([4]);
});

it('spells long texts in pieces', () => {
  expect(speller.spell('b'.repeat(100_000)).length).toBe(511);
});
