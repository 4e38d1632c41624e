import Ajv from 'ajv/dist/2020';
import { expectClean, generateAll, plain, promptIds } from './client';
import { launch, type Server } from './harness';

/**
 * JSON Schema keyword by keyword, on a server with whitespace in its JSON: each is enforced, as ajv judges what a model of random
 * weights writes, or refused by its name, or left out and named under `strict: false`.
 */

let server: Server;
beforeAll(async () => {
  server = await launch(['--chat-template', 'chatml']);
});

/** Quotes and brackets are drawn more often, so that texts come to an end. */
const logit_bias = { 1: 6, 60: 5, 92: 5 };
const ajv = new Ajv({
  formats: { email: /^[^\s@]+@[^\s@]+$/, date: /^\d{4}-\d\d-\d\d$/ },
});
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const list = (more: object) => ({ type: 'array', ...more });
const digit = { enum: [0, 1, 2, 3] };
const tagged = (tag: string) => object({ tag: { const: tag }, a: digit }, { required: ['tag'] });
const tree = object({ value: digit, children: list({ items: { $ref: '#' }, maxItems: 2 }) });

test.each<[string, object]>([
  ['type', { type: 'boolean' }],
  ['several types', { type: ['null', 'boolean', 'integer'] }],
  ['enum', { enum: ['a', 1, null, [true], { a: 'b' }] }],
  ['const', { const: { a: [1, { b: null }], é: 'ü' } }],
  ['properties and required', object({ a: digit, b: digit, c: digit }, { required: ['b'] })],
  ['required without properties', { type: 'object', required: ['a', 'b'] }],
  ['required beside properties', object({ a: digit }, { required: ['other'] })],
  ['additionalProperties: false', object({ a: digit }, { additionalProperties: false })],
  ['additionalProperties: a schema', { type: 'object', additionalProperties: digit }],
  ['items', list({ items: { type: 'boolean' } })],
  ['minItems', list({ items: digit, minItems: 3 })],
  ['maxItems', list({ items: digit, maxItems: 2 })],
  ['prefixItems', list({ prefixItems: [digit, { type: 'null' }], items: false })],
  ['minLength', { type: 'string', minLength: 6 }],
  ['maxLength', { type: 'string', maxLength: 2 }],
  ['pattern', { type: 'string', pattern: '^[a-f]{2}(-[0-9])?$' }],
  ['format', { type: 'string', format: 'email' }],
  ['minimum of integers', { type: 'integer', minimum: 7 }],
  ['maximum of integers', { type: 'integer', minimum: -9, maximum: 9 }],
  ['minimum: 0 of numbers', object({ a: { type: 'number', minimum: 0 } }, { required: ['a'] })],
  ['a $ref that comes back', tree],
  ['letters beyond ASCII', { enum: ['日本語', '😀 é', 'ß\u2028'] }],
  ['oneOf of what cannot overlap', { oneOf: [tagged('x'), tagged('y')] }],
  ['anyOf', { anyOf: [digit, { type: 'null' }] }],
  ['allOf of one', { allOf: [list({ items: digit, maxItems: 1 })] }],
])('%s: enforced', async (_, json_schema) => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
  const replies = await generateAll(server, {
    input_ids: seeds.map(() => promptIds(6)),
    sampling_params: seeds.map((sampling_seed) => ({
      ...{ json_schema, sampling_seed, logit_bias, max_new_tokens: 200 },
    })),
  });
  const finished = replies.filter(({ meta_info }) => meta_info.finish_reason?.type === 'stop');
  expect(finished.length).toBeGreaterThan(3);
  const isValid = ajv.compile(json_schema);
  for (const { text } of finished) expect([text, isValid(JSON.parse(text))]).toEqual([text, true]);
});

test('properties come in the order in which they are named', async () => {
  const json_schema = object({ b: digit, a: digit, c: digit }, { required: ['a', 'b', 'c'] });
  const [reply] = await generateAll(server, {
    input_ids: [promptIds(6)],
    sampling_params: { json_schema, max_new_tokens: 200, logit_bias },
  });
  expect(Object.keys(JSON.parse(reply?.text ?? '') as object)).toEqual(['b', 'a', 'c']);
});

const word = { type: 'string', pattern: 'a' };
const overlapping = [{ type: 'integer' }, { type: 'number' }];

test.each<[string, string, object]>([
  ['minLength', '#', { ...word, minLength: 3 }],
  ['maxLength', '#/properties/a', object({ a: { ...word, maxLength: 3 } })],
  ['format', '#', { ...word, format: 'email' }],
  ['multipleOf', '#', { type: 'integer', multipleOf: 3 }],
  ['uniqueItems', '#', list({ items: digit, uniqueItems: true })],
  ['not', '#', { type: 'integer', not: { const: 3 } }],
  ['if', '#', { type: 'integer', if: { minimum: 3 }, then: { maximum: 5 } }],
  ['oneOf', '#', { oneOf: overlapping }],
  ['allOf', '#/items', list({ items: { allOf: [{ type: 'integer' }, { minimum: 3 }] } })],
  ['maximum', '#', { type: 'number', maximum: 3 }],
  ['patternProperties', '#', { type: 'object', patternProperties: { a: digit } }],
  ['minProperties', '#', object({ a: digit }, { minProperties: 1 })],
])('%s at %s: refused by name, or left out and named', async (keyword, path, schema) => {
  const refused = `${keyword} at ${path} cannot be enforced`;
  const native = { input_ids: promptIds(6), sampling_params: { json_schema: schema } };
  const { status, text } = await plain(server.post('/generate', native));
  expect([status, text]).toEqual([400, expect.stringContaining(refused)]);
  const chat = (strict?: boolean) =>
    server.post('/v1/chat/completions', {
      ...{ model: 'default', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 3 },
      response_format: { type: 'json_schema', json_schema: { name: 'it', schema, strict } },
    });
  for (const strict of [true, undefined]) {
    const reply = await chat(strict);
    expect([reply.status, await reply.text()]).toEqual([400, expect.stringContaining(refused)]);
  }
  const lenient = await chat(false);
  expect(lenient.status).toBe(200);
  expect(lenient.headers.get('x-sglang-unenforced')?.split(',')).toContain(keyword);
});

test('nothing is left of them', () => expectClean(server));
