import { join } from 'node:path';
import { lazyTokenTexts, VocabularyTexts } from '../../../src/constrained/token-texts';
import { loadTokenizer } from '../../../src/tokenizer/tokenizer';

const DIR = join(__dirname, '../../model/checkpoints/random-qwen2');
const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

it('has the bytes of every token, also of parts of characters and special ones', async () => {
  const texts = lazyTokenTexts(DIR);
  const tokenizer = await loadTokenizer(DIR);
  for (const text of ['Hi there!\n\n  \t', 'ä€😀 ¡ÿ', '<|im_end|>x']) {
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    expect(ids.map((id) => texts.textOf(id)).join('')).toBe(bytes(text));
  }
  expect(texts.textOf(100_000)).toBe('');
});

it.each([
  ['byte_fallback', ['▁a', '<0xE2>', 'é'], [' a', '\u00e2', bytes('é')]],
  ['byte_level', ['Ġa', 'Ċ', 'Ã©', 'ł', '€'], [' a', '\n', bytes('é'), '\u00a0', bytes('€')]],
  ['raw', ['▁a', 'Ġ'], [bytes('▁a'), bytes('Ġ')]],
] as const)('knows the spelling %s', (spelling, tokens, expected) => {
  const texts = new VocabularyTexts({ tokens, spelling, added: new Map(), eosTokenId: null });
  expect(tokens.map((_, id) => texts.textOf(id))).toEqual(expected);
});

it('finds what goes on after a mark, not the mark itself', () => {
  const tokens = ['>', '>\n', '<', '>>', '', 'a>'];
  const texts = new VocabularyTexts({
    tokens,
    spelling: 'raw',
    added: new Map([[4, '>x']]),
    eosTokenId: null,
  });
  expect(texts.overrunning('>')).toEqual([1, 3, 4]);
  expect(texts.overrunning('</t>')).toEqual([]);
});
