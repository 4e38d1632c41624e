import fc from 'fast-check';
import { XGrammarBackend } from '../../../src/constrained/xgrammar-backend';
import type { Grammar } from '../../../src/core/grammar';

/** Grammars hold output to what they say and not to less, whatever their alternatives have in common. */

const LETTERS = Array.from({ length: 128 }, (_, i) => (i === 0 ? '' : String.fromCharCode(i)));
let backend: XGrammarBackend;
beforeAll(async () => {
  backend = await XGrammarBackend.create({
    vocabulary: { tokens: LETTERS, spelling: 'raw', eosTokenId: 0, added: new Map() },
    vocabSize: 128,
    eosTokenIds: [0],
    style: { anyWhitespace: false },
  });
});

/** All texts of a grammar up to a length; what is longer stands as `…`. */
async function language(grammar: Grammar, maxLength: number): Promise<Set<string>> {
  const compiled = await backend.compile(grammar);
  const texts = new Set<string>();
  const open = [''];
  for (let prefix = open.pop(); prefix !== undefined; prefix = open.pop()) {
    const matcher = await compiled.matcher();
    for (const letter of prefix) matcher.accept(letter.charCodeAt(0));
    const mask = await matcher.mask();
    for (let id = 0; id < 128; id++) {
      if ((((mask[id >> 5] ?? 0) >>> (id & 31)) & 1) === 0) continue;
      if (id === 0) texts.add(prefix);
      else if (prefix.length === maxLength) texts.add('…');
      else open.push(prefix + LETTERS[id]);
    }
    matcher.dispose();
  }
  compiled.dispose();
  return texts;
}

const words = fc.uniqueArray(fc.stringMatching(/^[a-d]{1,5}$/), { minLength: 1, maxLength: 24 });

it('takes of a list of words these and no others: as values of a schema, options of a pattern, and rules', async () => {
  const check = fc.asyncProperty(words, async (list) => {
    const json = { kind: 'json' as const, source: JSON.stringify({ enum: list }) };
    expect(await language(json, 8)).toEqual(new Set(list.map((word) => JSON.stringify(word))));
    const regex = { kind: 'regex' as const, source: list.join('|') };
    expect(await language(regex, 6)).toEqual(new Set(list));
    const ebnf = { kind: 'ebnf' as const, source: `root ::= ${list.map((word) => `"${word}"`).join(' | ')}` };
    expect(await language(ebnf, 6)).toEqual(new Set(list));
  });
  await fc.assert(check, { numRuns: 60 });
});

const pattern = fc.letrec<{ all: string; one: string }>((tie) => ({
  all: fc
    .array(fc.array(tie('one'), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 })
    .map((ways) => `(${ways.map((parts) => parts.join('')).join('|')})`),
  one: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom('a', 'b', 'c', '[ab]', '[bc]'),
    fc.tuple(tie('all'), fc.constantFrom('', '?')).map(([inner, count]) => inner + count),
  ),
})).all;

const TEXTS = ['a', 'b', 'c'].reduce<string[]>(
  (all) => [...new Set(all.flatMap((text) => [text, `${text}a`, `${text}b`, `${text}c`]))],
  [''],
);

it('takes of a regular expression what it matches and no more', async () => {
  const check = fc.asyncProperty(pattern, async (source) => {
    const all = new RegExp(`^${source}$`);
    const taken = await language({ kind: 'regex', source }, 4);
    taken.delete('…');
    for (const text of taken) expect([source, text, all.test(text)]).toEqual([source, text, true]);
    for (const text of TEXTS) if (all.test(text)) expect(taken).toContain(text);
  });
  await fc.assert(check, { numRuns: 200 });
});

it('has JSON that stands in a tag on one line', async () => {
  const content = {
    type: 'json_schema',
    json_schema: { type: 'object', properties: { a: { enum: [1] }, b: { const: 2 } } },
  };
  const tag = { type: 'tag', begin: '<', content, end: '>' };
  const source = JSON.stringify({ type: 'structural_tag', format: tag });
  const texts = await language({ kind: 'structural_tag', source }, 16);
  expect(texts).toEqual(new Set(['<{}>', '<{"a":1}>', '<{"b":2}>', '<{"a":1,"b":2}>']));
});
