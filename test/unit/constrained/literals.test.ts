import { join } from 'node:path';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { readGrammar, type GrammarFields } from '../../../src/constrained/read-grammar';
import { readVocabulary } from '../../../src/constrained/vocabulary';
import { XGrammarBackend } from '../../../src/constrained/xgrammar-backend';
import type { GrammarMatcher } from '../../../src/core/grammar';

/** Alternatives that have beginnings and ends in common: what is accepted is what they contain, no more and no less. */

const vocabulary = readVocabulary(join(__dirname, '../../model/checkpoints/random-qwen2'));
const EOS = vocabulary.eosTokenId ?? -1;
const ids = new Map(vocabulary.tokens.map((token, id) => [token, id]));

jest.setTimeout(600_000);

let backend: XGrammarBackend;
beforeAll(async () => {
  backend = await XGrammarBackend.create({
    vocabulary,
    vocabSize: vocabulary.tokens.length,
    eosTokenIds: [EOS],
    style: { anyWhitespace: false },
  });
});

const allows = (mask: Int32Array, id: number) => (((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;

/** A matcher after these characters, each a token of its own; null where it does not take them. */
async function after(text: string, fields: GrammarFields): Promise<GrammarMatcher | null> {
  const grammar = readGrammar(fields);
  if (grammar === null) throw new Error('no grammar');
  const compiled = await backend.compile(grammar);
  const matcher = await compiled.matcher();
  compiled.dispose();
  for (const character of text) {
    if (matcher.accept(ids.get(character) ?? -1)) continue;
    matcher.dispose();
    return null;
  }
  return matcher;
}

/** All texts of these characters that a grammar contains, up to a length. */
async function contained(fields: GrammarFields, alphabet: string, length: number): Promise<string[]> {
  const texts: string[] = [];
  const open = [''];
  for (let text = open.pop(); text !== undefined; text = open.pop()) {
    const matcher = await after(text, fields);
    if (matcher === null) continue;
    const mask = Int32Array.from(await matcher.mask());
    matcher.dispose();
    if (allows(mask, EOS)) texts.push(text);
    if (text.length >= length) continue;
    for (const next of alphabet) if (allows(mask, ids.get(next) ?? -1)) open.push(text + next);
  }
  return texts.sort();
}

const numbers = fc.uniqueArray(fc.integer({ min: 90, max: 140 }), { minLength: 2, maxLength: 30 });
const words = fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 5 }), {
  minLength: 2,
  maxLength: 20,
});

test('integers from 109 to 129 have no 100 among them', async () => {
  const range = { json_schema: { type: 'integer', minimum: 109, maximum: 129 } };
  const texts = await contained(range, '0123456789', 4);
  expect(texts).toEqual(Array.from({ length: 21 }, (_, i) => String(109 + i)));
});

test('numbers of an enum', async () => {
  const property = fc.asyncProperty(numbers, async (values) => {
    expect(await contained({ json_schema: { enum: values } }, '0123456789', 4)).toEqual(
      values.map(String).sort(),
    );
  });
  await fc.assert(property, { numRuns: 25, seed: 1 });
});

test('words, as values of an enum, options of a regular expression and of EBNF', async () => {
  const property = fc.asyncProperty(words, async (values) => {
    const quoted = values.map((value) => JSON.stringify(value));
    expect(await contained({ json_schema: { enum: values } }, '"ab', 8)).toEqual([...quoted].sort());
    for (const fields of [{ regex: values.join('|') }, { ebnf: `root ::= ${quoted.join(' | ')}` }]) {
      expect(await contained(fields, 'ab', 6)).toEqual([...values].sort());
    }
  });
  await fc.assert(property, { numRuns: 25, seed: 1 });
});

const { regexes } = fc.letrec<{ regexes: string }>((tie) => ({
  regexes: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('a', 'b', 'ab', 'ba', '[ab]', 'aab', 'abb'),
    fc.tuple(tie('regexes'), tie('regexes')).map(([one, other]) => `(${one}|${other})`),
    fc.tuple(tie('regexes'), tie('regexes')).map(([one, other]) => one + other),
    fc
      .tuple(tie('regexes'), fc.constantFrom('?', '*', '+', '{2}', '{1,3}', '{0,2}'))
      .map(([inner, times]) => `(${inner})${times}`),
  ),
}));
const allTexts = Array.from({ length: 63 }, (_, i) => (i + 1).toString(2).slice(1)).map((digits) =>
  digits.replace(/0/g, 'a').replace(/1/g, 'b'),
);

test('regular expressions contain what re2js says, of all texts of up to five letters', async () => {
  const property = fc.asyncProperty(regexes, async (regex) => {
    const judge = RE2JS.compile(regex);
    expect(await contained({ regex }, 'ab', 5)).toEqual(
      allTexts.filter((text) => judge.matches(text)).sort(),
    );
  });
  await fc.assert(property, { numRuns: 80, seed: 1 });
});
