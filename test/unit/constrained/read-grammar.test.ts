import { readGrammar, type GrammarFields } from '../../../src/constrained/read-grammar';
import { RequestError } from '../../../src/core/errors';

function refusal(fields: GrammarFields): string {
  try {
    readGrammar(fields);
  } catch (error) {
    if (error instanceof RequestError && error.status === 400) return error.message;
    throw error;
  }
  return 'accepted';
}

const nested = (depth: number): object => (depth === 0 ? {} : { type: 'array', items: nested(depth - 1) });

test.each<[string, GrammarFields, RegExp]>([
  ['nested repetitions', { regex: '((a{1,200}){1,200}){1,20}' }, /800000 characters/],
  ['an open group', { regex: '(a' }, /opens a group/],
  ['lookahead', { regex: '(?=a)b' }, /not supported: \(\?= at position 1/],
  ['a word boundary', { regex: String.raw`\bword` }, /an escape at position 0/],
  ['an anchor in the middle', { regex: 'a^b' }, /\^ at its beginning/],
  ['part of what is beyond ASCII', { regex: '[一-鿿]' }, /beyond ASCII/],
  ['NUL', { ebnf: 'root ::= "\0"' }, /NUL/],
  ['half a pair', { regex: '\ud800' }, /Unicode/],
  ['a huge text', { ebnf: 'x'.repeat(2 ** 20) }, /at most 262144 characters/],
  ['a deep schema', { json_schema: nested(2000) }, /nested deeper than 64/],
  ['a schema that is no JSON', { json_schema: '{"type":' }, /json_schema is not JSON/],
  ['a schema that is no schema', { json_schema: '3' }, /must be an object or a boolean/],
  ['an unknown type', { json_schema: { type: 'foo' } }, /type at # must be/],
  ['a reference to nothing', { json_schema: { $ref: '#/$defs/a' } }, /\$ref at #/],
  [
    'a reference to itself',
    { json_schema: { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } } },
    /itself/,
  ],
  [
    'an unknown format',
    { structural_tag: { format: { type: 'odd' } } },
    /type of format is not known: "odd"/,
  ],
  ['a structure that is none', { structural_tag: { structures: [1], triggers: [] } }, /structures\/0/],
])('%s is refused with a reason', (_, fields, reason) => {
  expect(refusal(fields)).toMatch(reason);
});

test.each<[object, string]>([
  [{ not: { type: 'string' } }, 'not at #'],
  [{ type: 'integer', multipleOf: 2 }, 'multipleOf at #'],
  [{ type: 'array', uniqueItems: true }, 'uniqueItems at #'],
  [{ type: 'array', contains: {} }, 'contains at #'],
  [
    { type: 'object', properties: { a: { type: 'string', pattern: 'a', minLength: 3 } } },
    'minLength at #/properties/a',
  ],
  [{ type: 'string', format: 'date', maxLength: 3 }, 'maxLength at #'],
  [{ type: 'string', format: 'made-up' }, 'format at #'],
  [{ if: {}, then: {} }, 'if at #'],
  [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'oneOf at #'],
  [{ allOf: [{ type: 'integer' }, { minimum: 3 }] }, 'allOf at #'],
  [{ $ref: '#/$defs/a', minimum: 1, $defs: { a: { type: 'integer' } } }, 'minimum at #'],
  [{ type: 'number', exclusiveMinimum: 1 }, 'exclusiveMinimum at #'],
  [{ type: 'integer', minimum: -5000, maximum: 5000 }, 'minimum at #'],
  [{ type: 'object', minProperties: 2 }, 'minProperties at #'],
  [{ type: 'object', patternProperties: { a: {} } }, 'patternProperties at #'],
  [{ type: 'object', properties: { 'a"b': {} } }, 'properties at #'],
])('%j is refused by the keyword that could not be enforced', (json_schema, reason) => {
  expect(refusal({ json_schema })).toBe(
    `${reason} cannot be enforced; leave it out, or set strict to false in response_format.`,
  );
});

test('an older structural tag becomes triggered tags', () => {
  const structures = [{ begin: '<f>', schema: { type: 'integer', minimum: 1, maximum: 2 }, end: '</f>' }];
  const grammar = readGrammar({ structural_tag: { type: 'structural_tag', structures, triggers: ['<f'] } });
  expect(JSON.parse(grammar?.source ?? '')).toEqual({
    type: 'structural_tag',
    format: {
      type: 'triggered_tags',
      triggers: ['<f'],
      tags: [
        {
          type: 'tag',
          begin: '<f>',
          content: { type: 'json_schema', json_schema: { enum: [1, 2] } },
          end: '</f>',
        },
      ],
    },
  });
});

const LONG = Array.from({ length: 4000 }, (_, i) => i);
const chain = Object.fromEntries(LONG.map((i) => [`a${i}`, { $ref: `#/$defs/a${i + 1}` }]));
const tagged = (i: number) => ({ type: 'object', properties: { kind: { const: i } }, required: ['kind'] });

test.each<[string, GrammarFields, RegExp]>([
  [
    'oneOf of values',
    { json_schema: { oneOf: LONG.concat(LONG.map((i) => i + 4000)).map((i) => ({ const: i })) } },
    /accepted/,
  ],
  [
    'oneOf of a value twice',
    { json_schema: { oneOf: [...LONG, 7].map((i) => ({ const: i })) } },
    /oneOf at #/,
  ],
  ['oneOf of tagged objects', { json_schema: { oneOf: LONG.slice(0, 3000).map(tagged) } }, /accepted/],
  [
    'oneOf of all kinds',
    { json_schema: { oneOf: [{ type: 'string' }, ...LONG.map((i) => ({ const: i }))] } },
    /oneOf at #/,
  ],
  [
    'a chain of references',
    { json_schema: { $ref: '#/$defs/a0', $defs: { ...chain, a4000: {} } } },
    /accepted/,
  ],
  ['anchors', { regex: '^|$|'.repeat(2000) }, /accepted/],
  [
    'ranges',
    { json_schema: { anyOf: LONG.map((i) => ({ type: 'integer', minimum: i, maximum: i + 900 })) } },
    /written out/,
  ],
])('%s by the thousand are read at once', (_, fields, outcome) => {
  const { user } = process.cpuUsage();
  expect(refusal(fields)).toMatch(outcome);
  expect((process.cpuUsage().user - user) / 1000).toBeLessThan(800);
});

it('joins strings that differ in their length alone, where no length between is missing', () => {
  const string = (minLength: number, maxLength: number) => ({ type: 'string', minLength, maxLength });
  const read = (...anyOf: object[]) =>
    (JSON.parse(readGrammar({ json_schema: { anyOf } })?.source ?? '') as { anyOf: object[] }).anyOf;
  expect(read(string(5, 9), { type: 'null' }, string(1, 4))).toMatchObject([string(1, 9), { type: 'null' }]);
  expect(read(string(1, 3), string(5, 9))).toMatchObject([string(1, 3), string(5, 9)]);
  expect(read({ type: 'string', pattern: '^a' }, string(1, 3))).toHaveLength(2);
});
