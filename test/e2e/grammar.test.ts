import Ajv from 'ajv';
import { RE2JS } from 're2js';
import { answer, expectClean, generate, generateAll, outcome, promptIds } from './client';
import { launch, type Server } from './harness';

/** Constrained output on `/generate`: real processes, and a model of random weights that keeps to nothing by itself. */

let server: Server;
beforeAll(async () => {
  server = await launch(['--constrained-json-disable-any-whitespace', '--enable-metrics'], {
    SGLANG_GRAMMAR_TIMEOUT: '4',
  });
});

const input_ids = promptIds(12);
const run = (sampling_params: Record<string, unknown>) =>
  generate(server, { input_ids, sampling_params: { max_new_tokens: 200, ...sampling_params } });
const PERSON = {
  type: 'object',
  properties: {
    name: { type: 'string', pattern: '^[A-Z][a-z]{1,8}$' },
    age: { type: 'integer', minimum: 0, maximum: 120 },
    tags: { type: 'array', items: { enum: ['a', 'b'] }, maxItems: 3 },
  },
  required: ['name', 'age', 'tags'],
};
const isPerson = new Ajv().compile(PERSON);

test.each([0, 1, 2, 3, 4, 5])('a schema is kept to, seed %d', async (sampling_seed) => {
  const { text, meta_info } = await run({ json_schema: JSON.stringify(PERSON), sampling_seed });
  expect(meta_info.finish_reason).toMatchObject({ type: 'stop' });
  expect(isPerson(JSON.parse(text))).toBe(true);
});

test.each([
  String.raw`[\w.]{1,8}@[a-z]{2,5}\.(com|org)`,
  String.raw`(\+\d{1,2} )?\d{3}-\d{4}`,
  '#[0-9A-F]{6}',
  String.raw`^\d{4}-(0[1-9]|1[0-2])-[0-3]\d$`,
  '[ -~]{3,9}ä?',
  '(Hello|Hi|)[!.]',
])('a regular expression is kept to: %s', async (regex) => {
  for (const temperature of [0, 1]) {
    const { text } = await run({ regex, temperature });
    expect(RE2JS.compile(regex).matches(text)).toBe(true);
  }
});

test('EBNF is kept to', async () => {
  const ebnf = 'root ::= "(" item (", " item)* ")"\nitem ::= [0-9] | root';
  const { text } = await run({ ebnf, max_new_tokens: 400, logit_bias: { 8: 3 } });
  expect(text).toMatch(/^[(][0-9, ()]*[)]?$/);
});

test('structural tags of both forms are kept to', async () => {
  const begin = '<f>';
  const end = '</f>';
  const tag = { type: 'tag', begin, content: { type: 'regex', pattern: '[0-9]{2}' }, end };
  const { text } = await run({ structural_tag: { type: 'structural_tag', format: tag } });
  expect(text).toMatch(/^<f>\d\d<\/f>$/);
  const structures = [{ begin, schema: { type: 'boolean' }, end }];
  const older = await run({ structural_tag: { structures, triggers: ['<'], type: 'structural_tag' } });
  for (const tagged of older.text.matchAll(/<([^>]*)>?([^<]*)/g)) expect(tagged[0]).toMatch(/^<(\/?f?>?)/);
});

test('a grammar outweighs min_new_tokens, and ends a request that ignores eos', async () => {
  const { text, meta_info } = await run({ regex: '[0-9]{3}', min_new_tokens: 50, ignore_eos: true });
  expect(text).toMatch(/^\d{3}$/);
  expect(meta_info.finish_reason).toMatchObject({ type: 'stop' });
});

test('stop strings and max_new_tokens cut what a grammar allows', async () => {
  const stopped = await run({ regex: 'ab+c', stop: ['b'] });
  expect(stopped).toMatchObject({ text: 'a', meta_info: { finish_reason: { type: 'stop', matched: 'b' } } });
  const cut = await run({ regex: '[0-9]{50}', max_new_tokens: 3 });
  expect(cut.meta_info.finish_reason).toMatchObject({ type: 'length', length: 3 });
});

test('samples of one prompt each follow the grammar by themselves', async () => {
  const sampling_params = { regex: '[a-z]{5}[0-9]{5}', n: 4, max_new_tokens: 20, temperature: 1 };
  const replies = await generateAll(server, { input_ids, sampling_params });
  expect(new Set(replies.map(({ text }) => text)).size).toBeGreaterThan(1);
  for (const { text } of replies) expect(text).toMatch(/^[a-z]{5}[0-9]{5}$/);
});

test('constrained and plain requests in one batch answer as they do alone', async () => {
  const sampling = [
    { json_schema: PERSON, sampling_seed: 1 },
    { sampling_seed: 2 },
    { regex: '([0-9]{2} ){20}', temperature: 0 },
    { temperature: 0 },
  ].map((params) => ({ max_new_tokens: 60, temperature: 1, ...params }));
  const alone = [];
  for (const params of sampling) alone.push(await run(params));
  const together = await generateAll(server, {
    input_ids: sampling.map(() => input_ids),
    sampling_params: sampling,
  });
  expect(together.map((reply) => outcome(reply))).toEqual(alone.map((reply) => outcome(reply)));
});

test('log-probabilities are those of the masked distribution', async () => {
  const { meta_info } = await generate(server, {
    input_ids,
    sampling_params: { regex: 'a[01]', max_new_tokens: 3, temperature: 0 },
    return_logprob: true,
    top_logprobs_num: 3,
  });
  expect(meta_info.output_token_logprobs?.[0]?.[0]).toBeCloseTo(0, 5);
  const top = meta_info.output_top_logprobs?.[1] ?? [];
  const total = top.slice(0, 2).reduce((sum, [logprob]) => sum + Math.exp(logprob ?? 0), 0);
  expect(total).toBeCloseTo(1, 5);
});

describe('what does not compile', () => {
  test.each([
    [{ ebnf: 'root ::= "a' }, /^Failed to compile ebnf grammar: EBNF lexer error/],
    [{ ebnf: 'other ::= "a"' }, /^Failed to compile ebnf grammar: .*root/],
    [{ json_schema: false }, /json_schema/],
    [{ regex: '((a{1,200}){1,200}){1,20}' }, /too large/],
    [{ regex: '[a-z]{3,1}' }, /^Failed to compile regex grammar/],
    [{ json_schema: { type: 'integer', multipleOf: 3 } }, /^multipleOf at # cannot be enforced/],
  ])('%j is refused in bounded time, and the server goes on', async (params, reason) => {
    const startedAt = performance.now();
    const reply = await answer(server.post('/generate', { input_ids, sampling_params: params }));
    expect(reply.status).toBe(400);
    expect(JSON.stringify(reply.body)).toMatch(new RegExp(reason.source.replace('^', '')));
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect((await run({ regex: 'ok' })).text).toBe('ok');
  });
});

/** Times of `/health`, sorted, while `isWanted`; milliseconds. */
async function healthTimes(isWanted: (times: readonly number[]) => boolean): Promise<number[]> {
  const times: number[] = [];
  while (isWanted(times)) {
    const startedAt = performance.now();
    expect((await server.fetch('/health')).status).toBe(200);
    times.push(performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return times.sort((a, b) => a - b);
}

const numbers = Array.from({ length: 9000 }, (_, i) => i * 7919);
test.each<[string, object]>([
  ['a heavy grammar compiles', { type: 'array', items: { enum: numbers.map((i) => `value ${i}`) } }],
  ['a wide schema is read', { type: 'array', items: { oneOf: numbers.map((i) => ({ const: i })) } }],
])('while %s, health answers as on an idle server', async (_, json_schema) => {
  const idle = await healthTimes(({ length }) => length < 40);
  let isDone = false;
  const slow = answer(
    server.post('/generate', { input_ids, sampling_params: { json_schema, max_new_tokens: 5 } }),
  ).finally(() => (isDone = true));
  const busy = await healthTimes(({ length }) => !isDone && length < 200);
  expect([200, 400]).toContain((await slow).status);
  // Had it waited for the grammar, there would be one or two.
  expect(busy.length).toBeGreaterThan(10);
  // The machine may be busy with other things as well: then both are slow.
  for (const part of [0.5, 0.9]) {
    const [usual, now] = [idle, busy].map((times) => times[Math.floor(times.length * part)] ?? NaN);
    expect(now).toBeLessThan(Math.max(50, 6 * (usual ?? NaN)));
  }
});

test('grammars are counted, and a known one is not compiled again', async () => {
  const counts = async () => {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const page = await (await server.fetch('/metrics')).text();
    const value = (name: string) =>
      Number(new RegExp(`^sglang:${name}{.*} (.*)$`, 'm').exec(page)?.[1] ?? 'NaN');
    return {
      total: value('num_grammar_total'),
      hits: value('num_grammar_cache_hit_total'),
      compiled: value('grammar_compilation_time_seconds_count'),
      rules: value('grammar_ebnf_size_sum'),
      schemas: value('grammar_schema_count_sum'),
      requests: value('grammar_tree_traversal_time_avg_count'),
      mean: value('grammar_tree_traversal_time_avg_sum'),
      longest: value('grammar_tree_traversal_time_max_sum'),
      queued: value('num_grammar_queue_reqs'),
    };
  };
  const ebnf = 'root ::= "counted" [0-9]';
  const format = {
    type: 'sequence',
    elements: [1, 2].map((value) => ({ type: 'json_schema', json_schema: { const: value } })),
  };
  const before = await counts();
  for (let i = 0; i < 3; i++) await run({ ebnf });
  await run({ structural_tag: { type: 'structural_tag', format } });
  const after = await counts();
  const grown = (name: keyof typeof before) => after[name] - before[name];
  expect([grown('total'), grown('hits'), grown('compiled')]).toEqual([4, 2, 2]);
  expect([grown('rules'), grown('schemas'), grown('requests')]).toEqual([ebnf.length, 2, 4]);
  expect(grown('mean')).toBeGreaterThan(0);
  expect(grown('longest')).toBeGreaterThanOrEqual(grown('mean'));
  expect(after.queued).toBe(0);
  await expectClean(server);
});
