import { answer, expectClean, generateAll, outcome, promptIds } from './client';
import { launch, type Server } from './harness';

/** Grammars under retraction, and grammars that are meant to do harm. */

const input_ids = promptIds(12);
const SCHEMA = {
  type: 'object',
  properties: {
    id: { type: 'integer', minimum: 109, maximum: 129 },
    tags: { type: 'array', items: { enum: ['a', 'ab', 'b'] }, minItems: 2, maxItems: 6 },
  },
  required: ['id', 'tags'],
};

const compact = '--constrained-json-disable-any-whitespace';
let server: Server;
beforeAll(async () => {
  server = await launch([compact], { SGLANG_GRAMMAR_TIMEOUT: '3' });
});

test('retractions change nothing in what a grammar lets through', async () => {
  const retracting = await launch([compact, '--enable-metrics'], {
    SGLANG_TEST_RETRACT: '1',
    SGLANG_TEST_RETRACT_INTERVAL: '2',
  });
  const sampling_params = [
    ...[1, 2, 3].map((sampling_seed) => ({ json_schema: SCHEMA, sampling_seed, max_new_tokens: 100 })),
    { regex: '([0-9]{2} ){12}', sampling_seed: 4, max_new_tokens: 60 },
    { ebnf: 'root ::= "(" ("109" | "110" | "111" | root) ")"', sampling_seed: 5, max_new_tokens: 60 },
  ];
  const body = { input_ids: sampling_params.map(() => input_ids), sampling_params };
  const [calm, shaken] = [await generateAll(server, body), await generateAll(retracting, body)];
  expect(shaken.map((reply) => outcome(reply))).toEqual(calm.map((reply) => outcome(reply)));
  expect(new Set(calm.slice(0, 3).map(({ text }) => text)).size).toBeGreaterThan(1);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const page = await (await retracting.fetch('/metrics')).text();
  const retracted = /^sglang:num_retracted_requests_total\{.*\} (\S+)$/m.exec(page)?.[1];
  expect(Number(retracted)).toBeGreaterThan(0);
  await expectClean(retracting);
});

const deep = (depth: number) => '{"items":'.repeat(depth) + '{}' + '}'.repeat(depth);
const circle = { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } };

test.each<[string, object]>([
  ['nested repetitions', { regex: '((a{1,200}){1,200}){1,20}' }],
  ['repetitions within repetitions', { regex: '((((((a+)+)+)+){1,99}){1,99}){1,99}' }],
  ['look-ahead', { regex: '(?=a)b' }],
  ['a schema of 2,000 levels', { json_schema: deep(2000) }],
  ['EBNF that breaks off', { ebnf: 'root ::= ("a" | ' }],
  ['EBNF of rules that do not exist', { ebnf: 'root ::= nothing' }],
  ['definitions that are each the other', { json_schema: { $ref: '#/$defs/a', $defs: circle } }],
  [
    'an enum beyond the size of a grammar',
    { json_schema: { enum: Array.from({ length: 60_000 }, (_, i) => i) } },
  ],
  ['10 MB of schema', { json_schema: { description: 'x'.repeat(10 * 2 ** 20) } }],
])('%s: refused in bounded time, and the server goes on', async (_, params) => {
  const startedAt = performance.now();
  const hostile = answer(server.post('/generate', { input_ids, sampling_params: params }));
  expect((await server.fetch('/health')).status).toBe(200);
  expect((await hostile).status).toBe(400);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  const sampling_params = { regex: 'ok', max_new_tokens: 9 };
  const [reply] = await generateAll(server, { input_ids: [input_ids], sampling_params });
  expect(reply?.text).toBe('ok');
  await expectClean(server);
});
