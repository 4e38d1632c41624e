import Ajv from 'ajv/dist/2020';
import { readGrammar } from '../../../src/constrained/read-grammar';
import type { Vocabulary } from '../../../src/constrained/vocabulary';
import { XGrammarBackend } from '../../../src/constrained/xgrammar-backend';
import { ANY_JSON, type Grammar, type GrammarMatcher } from '../../../src/core/grammar';
import { draw, engine } from './draw';

const END = '</s>';
const TOKENS = [...'{}[]":,ab1\\ \n\t', '    ', ' '.repeat(40), ' '.repeat(49), ' "', ',\n  ', '"  ', END];
const vocabulary: Vocabulary = { tokens: TOKENS, added: new Map(), spelling: 'raw', eosTokenId: 20 };
const eosTokenIds = [TOKENS.indexOf(END)];
const OBJECT = { type: 'object', properties: { a: {}, b: {} } };

function grammarOf(schema: object | string): Grammar {
  const grammar = readGrammar({ json_schema: schema });
  if (grammar === null) throw new Error('no grammar');
  return grammar;
}

async function matcherOf(schema: object | string, tokens = vocabulary): Promise<GrammarMatcher> {
  const vocabSize = tokens.tokens.length;
  const style = { anyWhitespace: true };
  const backend = await XGrammarBackend.create({ vocabulary: tokens, vocabSize, eosTokenIds, style });
  return (await backend.compile(grammarOf(schema))).matcher();
}

function accept(matcher: GrammarMatcher, ...tokens: string[]): void {
  for (const token of tokens) expect([token, matcher.accept(TOKENS.indexOf(token))]).toEqual([token, true]);
}

async function allowed(matcher: GrammarMatcher): Promise<string[]> {
  const mask = await matcher.mask();
  return TOKENS.filter((_, id) => (((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1);
}

test.each([
  ['a schema', OBJECT],
  ['any JSON', ANY_JSON],
] as const)('%s: at most 48 characters of whitespace stand in a place', async (_, schema) => {
  const matcher = await matcherOf(schema);
  accept(matcher, '{');
  expect(await allowed(matcher)).toEqual(expect.arrayContaining([' ', '    ', ' '.repeat(40), ' "']));
  expect(await allowed(matcher)).not.toContain(' '.repeat(49));
  accept(matcher, ' '.repeat(40), '    ');
  expect(await allowed(matcher)).not.toContain(' '.repeat(40));
  accept(matcher, '    ');
  expect((await allowed(matcher)).filter((token) => token !== '"  ')).toEqual(['}', '"']);
  // What follows has a place of its own, also within a token.
  accept(matcher, '"', 'a', '"  ');
  accept(matcher, ' '.repeat(40), '    ', ' ');
  expect(await allowed(matcher)).not.toContain('    ');
  accept(matcher, '\n');
  expect(await allowed(matcher)).toEqual([':']);
});

test('strings hold as many spaces as they like, also after an escaped quote', async () => {
  const matcher = await matcherOf({ type: 'object', properties: { a: { type: 'string' } } });
  accept(matcher, '{', '"', 'a', '"', ':', ' "', '\\', '"');
  for (let i = 0; i < 4; i++) accept(matcher, ' '.repeat(49));
  expect(await allowed(matcher)).toContain(' '.repeat(49));
  accept(matcher, '\\', '\\', '"', ' '.repeat(40), '    ', '    ');
  expect(await allowed(matcher)).toEqual(['}']);
});

test('a vocabulary that cannot go on otherwise goes on with whitespace', async () => {
  const tokens = TOKENS.map((token) => (token === '"' || token === '}' ? '' : token));
  const matcher = await matcherOf(OBJECT, { ...vocabulary, tokens });
  accept(matcher, '{', ' '.repeat(40), '    ', '    ');
  expect(await allowed(matcher)).toContain(' "');
});

test('any JSON has no whitespace where none is wanted', async () => {
  const compiled = await (await engine(false)).compile(grammarOf(ANY_JSON));
  let finished = 0;
  for (let i = 0; i < 40; i++) {
    const text = await draw(compiled, Math.random);
    if (text === null || text.includes('\ufffd')) continue;
    finished += 1;
    expect(() => JSON.parse(text) as unknown).not.toThrow();
    expect(text.replaceAll(/"(\\.|[^"\\])*"/g, '""')).not.toMatch(/\s/);
  }
  expect(finished).toBeGreaterThan(5);
});

test.each([true, false])('60 optional properties compile at once, whitespace %s', async (anyWhitespace) => {
  const names = Array.from({ length: 60 }, (_, i) => `property_${i}`);
  const types = ['string', 'integer', 'boolean', 'null'];
  const schema = {
    type: 'object',
    properties: Object.fromEntries(names.map((name, i) => [name, { type: types[i % 4] }])),
    additionalProperties: false,
  };
  const backend = await engine(anyWhitespace);
  const startedAt = performance.now();
  const compiled = await backend.compile(grammarOf(schema));
  expect(performance.now() - startedAt).toBeLessThan(2000);
  const validate = new Ajv().compile(schema);
  const sizes = new Set<number>();
  for (let i = 0; i < 60; i++) {
    const text = await draw(compiled, Math.random, 800);
    if (text === null) continue;
    const value = JSON.parse(text) as object;
    expect([text, validate(value)]).toEqual([text, true]);
    sizes.add(Object.keys(value).length);
  }
  expect(sizes.size).toBeGreaterThan(1);
});
