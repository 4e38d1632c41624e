import { setTimeout as sleep } from 'node:timers/promises';
import { parseText, valuesOf } from '../prometheus-text';
import {
  expectClean,
  generate,
  generateAll,
  greedy,
  outcome,
  promptIds,
  streamed,
  type Reply,
} from './client';
import { launch, type Server } from './harness';

/** Drafts are checked in real processes, every one that can be made, and nobody can tell but by the counts. */

const NGRAM = ['--speculative-algorithm', 'NGRAM'];
const EAGER = { SGLANG_TEST_SPECULATE: '1' };

interface SpecMeta {
  readonly spec_verify_ct: number;
  readonly spec_draft_token_num: number;
  readonly spec_accept_token_num: number;
  readonly spec_accept_rate: number;
  readonly spec_accept_length: number;
  readonly spec_accept_histogram: number[];
}
const specOf = ({ meta_info }: Reply) => meta_info as unknown as SpecMeta;
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

let plain: Server;
let server: Server;
beforeAll(async () => {
  const flags = ['--enable-metrics', '--decode-log-interval', '4', '--random-seed', '1'];
  [plain, server] = await Promise.all([
    launch(['--random-seed', '1', '--chunked-prefill-size', '16']),
    launch([...flags, ...NGRAM, '--chunked-prefill-size', '16'], EAGER),
  ]);
});

const repetitive = (count: number) => Array.from({ length: count }, (_, i) => 20 + (i % 4));
/** Few tokens to choose from, so that drafts are often right. */
const fewTokens = { logit_bias: { 20: 30, 21: 30, 22: 30, 23: 30 } };

const schema = {
  type: 'object',
  properties: { items: { type: 'array', items: { enum: ['red', 'green'] }, minItems: 6, maxItems: 8 } },
  required: ['items'],
};
const BODIES: readonly Record<string, unknown>[] = [
  { sampling_params: greedy(60) },
  { sampling_params: greedy(60, fewTokens) },
  { sampling_params: { max_new_tokens: 50, temperature: 0.7, sampling_seed: 4, ignore_eos: true } },
  { sampling_params: { max_new_tokens: 30, temperature: 0.7, sampling_seed: 4, n: 3, ...fewTokens } },
  { sampling_params: { json_schema: schema, max_new_tokens: 150, temperature: 0.5, sampling_seed: 2 } },
  { sampling_params: { json_schema: schema, max_new_tokens: 150, temperature: 0 }, return_logprob: true },
  { sampling_params: { regex: '(ab|ba){5,9}c', max_new_tokens: 60, temperature: 1, sampling_seed: 9 } },
  { sampling_params: greedy(40, { ...fewTokens, frequency_penalty: 0.2, repetition_penalty: 1.05 }) },
  { sampling_params: greedy(40, { ...fewTokens, min_new_tokens: 10, stop_token_ids: [22] }) },
].flatMap((body) => [promptIds(24), repetitive(30)].map((input_ids) => ({ ...body, input_ids })));

test('replies are those of a server that drafts nothing, alone and all at once', async () => {
  const all = (to: Server, body: (typeof BODIES)[number]) =>
    generateAll(to, { ...body, input_ids: [body['input_ids']] });
  const expected = [];
  for (const body of BODIES) expected.push((await all(plain, body)).map(outcome));
  for (const [i, body] of BODIES.entries()) {
    expect((await all(server, body)).map(outcome)).toEqual(expected[i]);
  }
  const together = await Promise.all(BODIES.map((body) => all(server, body)));
  expect(together.map((replies) => replies.map(outcome))).toEqual(expected);
});

test('a stop in the text of a draft ends it, and nothing behind is counted', async () => {
  const body = { input_ids: repetitive(30), sampling_params: greedy(60, fewTokens) };
  const { text } = await generate(plain, body);
  for (const from of [3, 9, 16]) {
    const stop = text.slice(from, from + 4);
    const sampling_params = greedy(60, { ...fewTokens, stop });
    const [expected, reply] = [
      await generate(plain, { ...body, sampling_params, return_logprob: true }),
      await generate(server, { ...body, sampling_params, return_logprob: true }),
    ];
    expect(outcome(reply)).toEqual(outcome(expected));
    expect(reply.meta_info.finish_reason).toEqual({ type: 'stop', matched: stop });
    expect(reply.meta_info.completion_tokens).toBe(reply.output_ids.length);
    expect(reply.meta_info.output_token_logprobs).toHaveLength(reply.output_ids.length);
    const chunks = await streamed(server, { ...body, sampling_params, stream: true });
    expect(chunks.at(-1)?.text).toBe(expected.text);
  }
});

test('streams grow by several tokens at a time, and come to the same', async () => {
  const body = { input_ids: repetitive(30), sampling_params: greedy(60, fewTokens) };
  const chunks = await streamed(server, { ...body, stream: true });
  const whole = await generate(plain, body);
  expect(chunks.at(-1)?.output_ids).toEqual(whole.output_ids);
  const counts = chunks.map(({ meta_info }) => meta_info.completion_tokens);
  expect(counts.length).toBeLessThan(60);
  expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
});

test('meta_info counts runs, drafts and what became of them', async () => {
  const reply = await generate(server, {
    input_ids: repetitive(30),
    sampling_params: greedy(60, fewTokens),
  });
  const spec = specOf(reply);
  expect(spec.spec_accept_length).toBeCloseTo(60 / spec.spec_verify_ct);
  expect(spec.spec_accept_length).toBeGreaterThan(1.2);
  expect(spec.spec_accept_rate).toBeCloseTo(spec.spec_accept_token_num / spec.spec_draft_token_num);
  expect(sum(spec.spec_accept_histogram)).toBe(spec.spec_verify_ct);
  expect(sum(spec.spec_accept_histogram.map((runs, accepted) => runs * accepted))).toBe(
    spec.spec_accept_token_num,
  );
  // The first token is the prompt's.
  expect(spec.spec_verify_ct + spec.spec_accept_token_num).toBeLessThanOrEqual(60);
  const none = await generate(server, { input_ids: promptIds(9), sampling_params: greedy(1) });
  expect(specOf(none)).toMatchObject({ spec_verify_ct: 0, spec_accept_length: 0, spec_accept_rate: 0 });
  const other = await generate(plain, { input_ids: promptIds(9), sampling_params: greedy(4) });
  expect(other.meta_info).not.toHaveProperty('spec_verify_ct');
});

test('log, metrics and loads tell how much is accepted', async () => {
  await generate(server, { input_ids: repetitive(30), sampling_params: greedy(200, fewTokens) });
  expect(server.stderr).toMatch(
    /Decode batch, #running-req: 1, .*accept len: \d+\.\d\d, accept rate: [01]\.\d\d, cpu graph: (True|False), gen/,
  );
  await sleep(1300);
  const families = parseText(await (await server.fetch('/metrics')).text());
  const [length = 0] = valuesOf(families, 'sglang:spec_accept_length', {});
  const [rate = 0] = valuesOf(families, 'sglang:spec_accept_rate', {});
  expect(length).toBeGreaterThan(1);
  expect(rate).toBeGreaterThan(0);
  expect(rate).toBeLessThanOrEqual(1);
  const info = (await (await server.fetch('/server_info')).json()) as {
    speculative_algorithm: string;
    internal_states: { avg_spec_accept_length: number }[];
  };
  expect(info.speculative_algorithm).toBe('NGRAM');
  expect(info.internal_states[0]?.avg_spec_accept_length).toBeGreaterThan(1);
  const loads = (await (await server.fetch('/v1/loads?include=spec')).json()) as {
    loads: { speculative: { accept_length: number; accept_rate: number } }[];
  };
  expect(loads.loads[0]?.speculative.accept_length).toBeCloseTo(length, 1);
  const text = await (await server.fetch('/v1/loads?include=spec&format=prometheus')).text();
  expect(text).toContain('sglang_spec_accept_length{dp_rank="0"}');
});

test('clients that leave in the middle of drafts leave nothing behind', async () => {
  const bodies = Array.from({ length: 6 }, (_, i) => ({
    input_ids: repetitive(20 + i),
    sampling_params: greedy(400, fewTokens),
    stream: true,
  }));
  await Promise.all(
    bodies.map(async (body, i) => {
      const leaving = new AbortController();
      const reply = await server.post('/generate', body, { signal: leaving.signal });
      const reader = reply.body?.getReader();
      for (let chunk = 0; chunk <= i; chunk++) await reader?.read();
      leaving.abort();
    }),
  );
  await expectClean(server);
});

test('by itself it drafts what pays, and says the same', async () => {
  const own = await launch([...NGRAM, '--random-seed', '1']);
  for (const body of BODIES.slice(0, 4)) {
    const [expected, reply] = [await generate(plain, body), await generate(own, body)];
    expect(outcome(reply)).toEqual(outcome(expected));
    expect(specOf(reply).spec_verify_ct).toBeGreaterThan(0);
  }
});
