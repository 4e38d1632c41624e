import { join } from 'node:path';
import type { GrammarKind } from '../../../src/core/grammar';
import { tokenTexts } from '../../../src/constrained/token-texts';
import { readVocabulary } from '../../../src/constrained/vocabulary';
import { XGrammarBackend } from '../../../src/constrained/xgrammar-backend';

const vocabulary = readVocabulary(join(__dirname, '../../model/checkpoints/random-qwen2'));
const texts = tokenTexts(vocabulary);
let backend: XGrammarBackend;
beforeAll(async () => {
  const style = { anyWhitespace: false };
  backend = await XGrammarBackend.create({ vocabulary, vocabSize: 512, eosTokenIds: [511], style });
});

/** What a grammar forces at its beginning, in bytes; each token of it must be allowed. */
async function forced(kind: GrammarKind, source: string): Promise<string> {
  const matcher = await (await backend.compile({ kind, source })).matcher();
  const ids = matcher.forced();
  for (const id of ids) expect(matcher.accept(id)).toBe(true);
  return ids.map((id) => texts[id]).join('');
}

const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const KEY = { type: 'object', properties: { first_name: { type: 'integer' } }, required: ['first_name'] };
const CHAIN = { $defs: { a: { type: 'object', properties: { b: { $ref: '#/$defs/a' } }, required: ['b'] } } };

test.each<[GrammarKind, string, string]>([
  ['json', JSON.stringify(KEY), '{"first_name"'],
  ['regex', 'order number [0-9]', 'order number'],
  ['ebnf', 'root ::= "日本語x" [0-9]', '日本'],
  // Where the first bytes of a character are forced and the rest is not.
  ['ebnf', 'root ::= "ab" ("ä" | "ö") "x"', 'a'],
  ['ebnf', 'root ::= "ab" ("\u0800" | "\u0840")', 'a'],
  ['ebnf', 'root ::= "ab" ("😀" | "😁")', 'a'],
])('a text is forced as far as there is one way: %s %s', async (kind, source, least) => {
  const text = await forced(kind, source);
  expect(text.startsWith(bytes(least))).toBe(true);
});

test.each<[GrammarKind, string]>([
  ['ebnf', 'root ::= "a" "b"?'],
  ['ebnf', 'root ::= [a-z]+'],
  // There is no end to these, or it is far away.
  ['ebnf', 'root ::= "ab" root'],
  ['json', JSON.stringify({ ...CHAIN, $ref: '#/$defs/a' })],
  ['json', JSON.stringify({ const: 'x'.repeat(5000) })],
])('nothing is taken for forced: %s %s', async (kind, source) => {
  expect(await forced(kind, source)).toBe('');
  expect(backend.isPoisoned).toBe(false);
});

test.each(['ä', '日本語 abc', '😀', 'ä\u0800'])('half of a character forces nothing: %s', async (text) => {
  const matcher = await (
    await backend.compile({ kind: 'ebnf', source: `root ::= "x"? "${text}"?` })
  ).matcher();
  const ids = [...bytes(text)].map((byte) => texts.indexOf(byte));
  for (const [at, id] of ids.entries()) {
    const rest = bytes(text).slice(at);
    const forced = matcher.forced().map((next) => texts[next]);
    expect(rest.startsWith(forced.join(''))).toBe(true);
    expect(matcher.accept(id)).toBe(true);
  }
});
