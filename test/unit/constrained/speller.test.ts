import { Speller } from '../../../src/constrained/speller';

const TOKENS = ['a', 'b', 'ab', 'abc', '', '"', 'Ã', '¤', 'abcd', '\u0120x'];
const speller = new Speller({
  tokens: TOKENS,
  spelling: 'byte_level',
  // Special: no grammar may produce it.
  added: new Map([[4, 'abcab']]),
  eosTokenId: null,
});
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

it('spells long texts in pieces', () => {
  expect(speller.spell('b'.repeat(100_000)).length).toBe(511);
});
