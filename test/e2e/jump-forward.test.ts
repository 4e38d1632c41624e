import { setTimeout as sleep } from 'node:timers/promises';
import { expectClean, generate, generateAll, outcome, promptIds, streamed } from './client';
import { launch, type Server } from './harness';

/** Text that a grammar forces is taken over at once, and nobody can tell but by the time: real processes, random weights. */

const FLAGS = ['--constrained-json-disable-any-whitespace'];
const schema = {
  type: 'object',
  properties: {
    preferred_delivery_address: { enum: ['home', 'office'] },
    customer_name: { type: 'string', pattern: '^[a-z]{1,9}$' },
    is_confirmed_by_customer: { type: 'boolean' },
  },
  required: ['preferred_delivery_address', 'customer_name', 'is_confirmed_by_customer'],
};
const order = {
  preferred_delivery_address: expect.stringMatching(/^(home|office)$/) as string,
  customer_name: expect.stringMatching(/^[a-z]{1,9}$/) as string,
  is_confirmed_by_customer: expect.any(Boolean) as boolean,
};

let server: Server;
beforeAll(async () => {
  const env = { SGLANG_TEST_RETRACT: '1', SGLANG_TEST_RETRACT_INTERVAL: '5' };
  server = await launch([...FLAGS, '--enable-metrics'], env);
});

const input_ids = promptIds(12);
const params = (sampling_seed: number, more: object = {}) => ({
  ...{ json_schema: schema, max_new_tokens: 200, temperature: 1, sampling_seed },
  ...more,
});

test('answers are what the schema asks for, in far fewer runs of the model than they have tokens', async () => {
  const before = await steps();
  const { text, output_ids, meta_info } = await generate(server, { input_ids, sampling_params: params(1) });
  expect(JSON.parse(text)).toEqual(order);
  expect(meta_info.completion_tokens).toBe(output_ids.length);
  const taken = (await steps()) - before;
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThan(output_ids.length / 2);
});

/** Decode steps so far. A scheduler reports each second, or when it falls idle. */
async function steps(): Promise<number> {
  await sleep(1200);
  const page = await (await server.fetch('/metrics')).text();
  const counts = [...page.matchAll(/^sglang:cuda_graph_passes_total\{.*mode="decode.*\} (\S+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

test('alone, in a batch with others and retracted, whole and streamed, they are the same', async () => {
  const all = [params(1), params(2), { max_new_tokens: 60, temperature: 0 }, params(3), params(4)];
  const alone = [];
  for (const sampling_params of all) alone.push(await generate(server, { input_ids, sampling_params }));
  const batch = { input_ids: all.map(() => input_ids), sampling_params: all };
  const together = await generateAll(server, batch);
  expect(together.map((reply) => outcome(reply))).toEqual(alone.map((reply) => outcome(reply)));
  expect(Math.max(...together.map(({ meta_info }) => meta_info.total_retractions))).toBeGreaterThan(0);
  for (const stream_interval of [1, 3]) {
    const body = { input_ids, sampling_params: params(2, { stream_interval }), stream: true };
    const chunks = await streamed(server, body);
    expect(outcome(chunks.at(-1) as (typeof chunks)[0])).toMatchObject({ text: alone[1]?.text });
    const lengths = chunks.map(({ meta_info }) => meta_info.completion_tokens);
    expect(new Set(lengths).size).toBe(lengths.length);
  }
});

test('lengths are kept to, in the middle of what is forced', async () => {
  for (const max_new_tokens of [1, 2, 5, 9]) {
    const reply = await generate(server, { input_ids, sampling_params: params(1, { max_new_tokens }) });
    expect(reply.meta_info).toMatchObject({
      completion_tokens: max_new_tokens,
      finish_reason: { type: 'length', length: max_new_tokens },
    });
  }
});

test('stop strings inside are found, and log-probabilities change nothing', async () => {
  const stop = await generate(server, { input_ids, sampling_params: params(1, { stop: 'delivery' }) });
  expect(stop.text).toBe('{"preferred_');
  const sampling_params = params(1);
  const reply = await generate(server, { input_ids, sampling_params, return_logprob: true });
  const logprobs = reply.meta_info.output_token_logprobs ?? [];
  expect(logprobs.map(([, id]) => id)).toEqual(reply.output_ids);
  expect(reply.output_ids).toEqual((await generate(server, { input_ids, sampling_params })).output_ids);
});

test('a grammar without end takes no other request along', async () => {
  const endless = { ebnf: 'root ::= "ab" root', max_new_tokens: 40, temperature: 1 };
  const all = [params(5), endless, params(6)];
  const batch = { input_ids: all.map(() => input_ids), sampling_params: all };
  const [first, second, third] = await generateAll(server, batch);
  expect(second?.meta_info.finish_reason).toMatchObject({ type: 'length' });
  for (const reply of [first, third]) expect(JSON.parse(reply?.text ?? '')).toEqual(order);
});

test('nothing is left behind', () => expectClean(server));

test('--disable-jump-forward asks the model for every token', async () => {
  const plain = await launch([...FLAGS, '--disable-jump-forward']);
  const { text } = await generate(plain, { input_ids, sampling_params: params(1) });
  expect(JSON.parse(text)).toEqual(order);
});
