import Ajv from 'ajv/dist/2020';
import * as fc from 'fast-check';
import { readGrammar } from '../../../src/constrained/read-grammar';
import type { XGrammarBackend } from '../../../src/constrained/xgrammar-backend';
import { RequestError } from '../../../src/core/errors';
import { draw, engine } from './draw';

/**
 * Schemas at random, tokens at random under the mask: every text that is finished satisfies its schema, as ajv judges. More runs:
 * `GRAMMAR_RUNS=2000 npx jest test/unit/constrained/enforced`.
 */

const RUNS = Number(process.env['GRAMMAR_RUNS'] ?? 150);

jest.setTimeout(3600_000);

const type = <T extends string>(name: T) => fc.constant(name);
const number = (low: number, high: number) => fc.integer({ min: low, max: high });
const required = { requiredKeys: ['type'] as ['type'] };
const PATTERNS = [
  ...[
    String.raw`^\d{2,4}$`,
    '^.{1,5}$',
    '^[^a-m"]+x?$',
    String.raw`^\S+@\S+$`,
    String.raw`^(a|b\\|"c)*$`,
    'a|b',
    '',
  ],
  ...[
    '^[éa]{2}$',
    String.raw`\n|\t`,
    '^(x|)$',
    String.raw`^[\s\S]{2}$`,
    String.raw`^\s?[\w-]+$`,
    String.raw`^\D\W$`,
  ],
];
const FORMATS = ['date', 'date-time', 'time', 'email', 'ipv4', 'ipv6', 'uuid', 'uri', 'hostname', 'duration'];
const leaf = fc.oneof(
  fc.record({ type: type('string'), minLength: number(0, 3), maxLength: number(3, 7) }, required),
  number(0, 12).chain((minLength) =>
    fc.record({
      type: type('string'),
      minLength: fc.constant(minLength),
      maxLength: number(minLength, minLength + 4),
    }),
  ),
  fc.record({ type: type('string'), pattern: fc.constantFrom(...PATTERNS) }),
  fc.record({ type: type('string'), format: fc.constantFrom(...FORMATS) }),
  fc.record({ type: type('integer'), minimum: number(0, 1), maximum: number(1, 900) }, required),
  fc.record({ type: type('integer'), exclusiveMinimum: number(-9, 12) }),
  number(-5000, 5000).chain((minimum) =>
    fc.record({
      type: type('integer'),
      minimum: fc.constant(minimum),
      maximum: number(minimum, minimum + 1023),
    }),
  ),
  fc.record({ enum: fc.uniqueArray(number(90, 140), { minLength: 2, maxLength: 30 }) }),
  fc.record({ type: type('integer'), exclusiveMaximum: fc.double({ min: -1, max: 900, noNaN: true }) }),
  fc.constantFrom<unknown[]>(
    { type: 'number', minimum: 0 },
    { type: 'number' },
    { type: 'boolean' },
    {},
    true,
  ),
  fc.constantFrom<unknown[]>(
    { const: { a: [1, 'é"\n'] } },
    { enum: ['a', 1, null, 'x\u2028y', -0.25, 1e30] },
  ),
  fc.constantFrom<unknown[]>(
    { type: 'integer', enum: ['a', 3] },
    { type: ['string', 'null'] },
    { minLength: 2 },
  ),
  fc.constantFrom<unknown[]>(
    { type: ['string', 'null'], maxLength: 2 },
    {
      anyOf: [
        { type: 'string', minLength: 12, maxLength: 14 },
        { type: 'string', maxLength: 1 },
      ],
    },
    { anyOf: [{ $ref: '#/$defs/name' }, { type: 'array', items: { $ref: '#/$defs/name' } }] },
  ),
  fc.constantFrom<unknown[]>({ $ref: '#/$defs/digit' }, { $ref: '#/$defs/list' }),
);
const { schemas } = fc.letrec<{ schemas: unknown }>((tie) => ({
  schemas: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.record(
      { type: type('array'), items: tie('schemas'), minItems: number(0, 2), maxItems: number(2, 3) },
      required,
    ),
    fc.record(
      {
        type: type('array'),
        prefixItems: fc.array(tie('schemas'), { minLength: 1, maxLength: 3 }),
        minItems: number(0, 4),
      },
      required,
    ),
    fc.record(
      {
        type: type('object'),
        properties: fc.dictionary(fc.constantFrom('a', 'b', 'long name', 'é'), tie('schemas'), {
          maxKeys: 4,
        }),
        additionalProperties: fc.oneof(fc.boolean(), tie('schemas')),
        required: fc.subarray(['a', 'b', 'other']),
      },
      required,
    ),
    fc.record({ anyOf: fc.array(tie('schemas'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ allOf: fc.tuple(tie('schemas')) }),
  ),
}));
const DEFINITIONS = {
  name: { type: 'string', minLength: 2, maxLength: 3 },
  digit: { type: 'integer', minimum: 0, maximum: 9 },
  list: { type: 'object', properties: { next: { $ref: '#/$defs/list' } } },
};

test(`${RUNS} schemas are kept to`, async () => {
  const backends = await Promise.all([true, false].map((anyWhitespace) => engine(anyWhitespace)));
  let finished = 0;
  let refused = 0;
  const property = fc.asyncProperty(
    schemas,
    fc.boolean(),
    fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
    async (part, spaced, stream) => {
      const schema = typeof part === 'object' && part !== null ? { ...part, $defs: DEFINITIONS } : part;
      let grammar;
      try {
        grammar = readGrammar({ json_schema: JSON.stringify(schema) });
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        refused += 1;
        return;
      }
      if (grammar === null) throw new Error('no grammar');
      const compiled = await (backends[spaced ? 0 : 1] as XGrammarBackend).compile(grammar);
      const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema as object);
      for (let sample = 0; sample < 3; sample++) {
        const text = await draw(compiled, () => stream.next().value as number);
        if (text === null) continue;
        finished += 1;
        const value: unknown = JSON.parse(text);
        // Bytes that are no UTF-8 become other characters, in other numbers.
        if (!text.includes('\ufffd') && !validate(value))
          throw new Error(`${text} is not ${JSON.stringify(schema)}`);
      }
      compiled.dispose();
    },
  );
  await fc.assert(property, {
    numRuns: RUNS,
    seed: Number(process.env['GRAMMAR_SEED'] ?? 1),
    endOnFailure: true,
  });
  expect(finished).toBeGreaterThan(RUNS);
  expect(refused).toBeLessThan(RUNS / 4);
});
