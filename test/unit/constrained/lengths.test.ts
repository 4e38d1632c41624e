import Ajv from 'ajv/dist/2020';
import * as fc from 'fast-check';
import { readGrammar } from '../../../src/constrained/read-grammar';
import type { Vocabulary } from '../../../src/constrained/vocabulary';
import { XGrammarBackend } from '../../../src/constrained/xgrammar-backend';
import type { GrammarMatcher } from '../../../src/core/grammar';
import { draw, engine } from './draw';

const END = '</s>';
const TOKENS = [
  ...[...'{}[]":,abnuDdC8309\\é'],
  ...[
    '😀',
    'ab',
    'abab',
    '":"',
    '","',
    '":"ab',
    '"}',
    '{"a',
    '{"a":"ab',
    '\\u',
    '\\"',
    'é😀',
    '""',
    '\\n"',
    '[""',
    END,
  ],
];
const vocabulary: Vocabulary = { tokens: TOKENS, added: new Map(), spelling: 'raw', eosTokenId: null };
const eosTokenIds = [TOKENS.indexOf(END)];
const object = (properties: Record<string, object>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

async function matcherOf(schema: object): Promise<GrammarMatcher> {
  const style = { anyWhitespace: false };
  const setting = { vocabulary, vocabSize: TOKENS.length, eosTokenIds, style };
  const backend = await XGrammarBackend.create(setting);
  const grammar = readGrammar({ json_schema: schema });
  if (grammar === null) throw new Error('no grammar');
  return (await backend.compile(grammar)).matcher();
}

/** The tokens under the mask; every other one is refused when it comes all the same. */
async function allowed(matcher: GrammarMatcher): Promise<string[]> {
  const mask = await matcher.mask();
  const has = (id: number) => (((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
  TOKENS.forEach((token, id) => {
    if (!has(id)) expect([token, matcher.accept(id)]).toEqual([token, false]);
  });
  return TOKENS.filter((_, id) => has(id));
}

/** What may follow these tokens. */
async function after(schema: object, ...tokens: string[]): Promise<string[]> {
  const matcher = await matcherOf(schema);
  for (const token of tokens) expect([token, matcher.accept(TOKENS.indexOf(token))]).toEqual([token, true]);
  const found = await allowed(matcher);
  matcher.dispose();
  return found;
}

describe('a string of 2 to 3 characters', () => {
  const TWO_OR_THREE = { type: 'string', minLength: 2, maxLength: 3 };

  test.each<[string[], { yes?: string[]; no: string[] }]>([
    [['"'], { yes: ['a', 'ab', '😀', 'é😀', '\\'], no: ['"', 'abab', '\\n"'] }],
    [['"', 'a'], { yes: ['a', 'ab', '\\n"', 'é😀'], no: ['"', 'abab'] }],
    [['"', '😀', 'é'], { yes: ['"', 'a', '\\n"', '\\"'], no: ['ab', 'é😀'] }],
    // A line feed and what follows it.
    [['"', 'a', 'b', '\\'], { yes: ['n', '"'], no: ['ab', 'a'] }],
    [['"', 'a', '\\', 'u', '0', '0', '8', '3'], { yes: ['"', 'a'], no: ['ab'] }],
  ])('after %j', async (tokens, { yes = [], no }) => {
    const found = await after(TWO_OR_THREE, ...tokens);
    expect(found).toEqual(expect.arrayContaining(yes));
    expect(found.filter((token) => no.includes(token))).toEqual([]);
  });

  test('that is full ends', async () => {
    expect(await after(TWO_OR_THREE, '"', 'ab', '😀')).toEqual(['"']);
    expect(await after(TWO_OR_THREE, '"', 'ab', '😀', '"')).toEqual([END]);
  });

  test('halves of a character that are escaped are one, also in the last place', async () => {
    const half = ['\\u', 'D', '8', '3', 'D'];
    const full = ['"', 'ab', ...half];
    expect(await after(TWO_OR_THREE, ...full)).toEqual(['"', '\\', '\\u']);
    expect(await after(TWO_OR_THREE, ...full, '\\')).toEqual(['u']);
    expect(await after(TWO_OR_THREE, ...full, '\\u')).toEqual(['D', 'd']);
    expect(await after(TWO_OR_THREE, ...full, '\\u', 'D')).toEqual(['D', 'd', 'C']);
    expect(await after(TWO_OR_THREE, ...full, '\\u', 'D', 'C', '0', '0')).toEqual(['"']);
    // Two of them are two characters, and room for one is left.
    expect(await after(TWO_OR_THREE, '"', ...half, '\\u', 'D', 'C', '0', '0')).not.toContain('"');
    expect(await after(TWO_OR_THREE, '"', ...half, ...half)).toContain('"');
  });
});

test('strings that end and begin within a token are counted each for itself', async () => {
  const schema = object({ a: { type: 'string', maxLength: 1 }, b: { type: 'string', minLength: 1 } });
  expect(await after(schema)).not.toContain('{"a":"ab');
  expect(await after(schema, '{"a')).toContain('":"');
  expect(await after(schema, '{"a')).not.toContain('":"ab');
  expect(await after(schema, '{"a', '":"', 'a', '","', 'b')).toContain('":"ab');
  expect(await after(schema, '{"a', '":"', 'a', '","', 'b', '"', ':')).not.toContain('""');
  const list = { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 };
  expect(await after(list)).toEqual(['[']);
  expect(await after({ ...list, items: { type: 'string', maxLength: 1 } })).toContain('[""');
});

test('a property of an object without names, an item, and what $ref leads to have theirs', async () => {
  const text = { type: 'string', maxLength: 1 };
  const others = { type: 'object', additionalProperties: text };
  expect(await after(others, '{', '"', 'abab', '":"')).not.toContain('ab');
  const first = { type: 'array', prefixItems: [{ type: 'string' }], items: text, minItems: 2 };
  expect(await after(first, '[', '"')).toContain('abab');
  expect(await after(first, '[', '"', 'abab', '","')).toEqual(expect.not.arrayContaining(['ab']));
  const tree = {
    $defs: { a: object({ a: { anyOf: [text, { type: 'array', items: { $ref: '#/$defs/a' } }] } }) },
    $ref: '#/$defs/a',
  };
  expect(await after(tree, '{"a', '":"')).not.toContain('ab');
  expect(await after(tree, '{"a', '"', ':', '[', '{"a', '":"')).not.toContain('ab');
});

test('alternatives that both are strings are each held to their own lengths', async () => {
  const schema = {
    anyOf: [
      { type: 'string', maxLength: 1 },
      { type: 'string', minLength: 3, maxLength: 4 },
    ],
  };
  expect(await after(schema, '"', 'a')).toContain('"');
  expect(await after(schema, '"', 'ab')).not.toContain('"');
  expect(await after(schema, '"', 'abab')).toEqual(['"']);
});

test('a list of values and the name of a property look like a schema and are none', async () => {
  const value = { type: 'string', maxLength: 1 };
  const schema = object({ a: { enum: [value] }, b: { type: 'string', maxLength: 0 } });
  expect(await after(schema, '{"a', '"', ':', '{')).toEqual(['"']);
});

test.each([true, false])(
  'strings of up to 1,000 characters compile at once and are held to, whitespace %s',
  async (anyWhitespace) => {
    const backend = await engine(anyWhitespace);
    const run = async (schema: object, random: () => number) => {
      const grammar = readGrammar({ json_schema: schema });
      if (grammar === null) throw new Error('no grammar');
      const startedAt = performance.now();
      const compiled = await backend.compile(grammar);
      expect(performance.now() - startedAt).toBeLessThan(1000);
      const text = await draw(compiled, random, 2500);
      compiled.dispose();
      if (text === null || text.includes('\ufffd')) return false;
      const value: unknown = JSON.parse(text);
      if (!new Ajv({ strict: false }).validate(schema, value))
        throw new Error(`${text} is not of its schema`);
      return true;
    };
    let finished = 0;
    const lengths = fc.integer({ min: 0, max: 1000 }).chain((minLength) =>
      fc.record({
        type: fc.constant('string'),
        minLength: fc.constant(minLength),
        maxLength: fc.integer({ min: minLength, max: 1000 }),
      }),
    );
    const random = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(lengths, lengths, random, async (one, other, stream) => {
        const schema = object({ one, list: { type: 'array', items: { anyOf: [other, { type: 'null' }] } } });
        if (await run(schema, () => stream.next().value as number)) finished += 1;
      }),
      { numRuns: 12, seed: 1 },
    );
    expect(finished).toBeGreaterThan(2);
  },
);

test('text that is forced between strings is accepted token by token', async () => {
  const backend = await engine(false);
  const text = { type: 'string', minLength: 1, maxLength: 2 };
  const schema = object({ name_of_the_first: text, name_of_the_second: text });
  const grammar = readGrammar({ json_schema: schema });
  if (grammar === null) throw new Error('no grammar');
  const compiled = await backend.compile(grammar);
  const matcher = await compiled.matcher();
  const forced = matcher.forced();
  expect(forced.length).toBeGreaterThan(3);
  for (const id of forced) expect(matcher.accept(id)).toBe(true);
  matcher.dispose();
});
