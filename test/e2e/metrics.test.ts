import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseOpenMetrics, parseText, valuesOf, type Family } from '../prometheus-text';
import { answer, expectClean, generate, greedy, promptIds, Stream, streamed } from './client';
import { launch, type Server } from './harness';

type Families = ReadonlyMap<string, Family>;

async function scrape(server: Server): Promise<Families> {
  return parseText(await (await server.fetch('/metrics')).text());
}

/** Scrapes until `condition` holds: what the scheduler counts comes once a second, and when it falls idle. */
async function until(server: Server, condition: (families: Families) => boolean): Promise<Families> {
  const end = Date.now() + 20_000;
  for (;;) {
    const families = await scrape(server);
    if (condition(families)) return families;
    if (Date.now() > end) throw new Error('it never came to that');
    await sleep(50);
  }
}

/** The counts once nothing runs, and nothing more has come for longer than a scheduler keeps it to itself. */
async function atRest(server: Server): Promise<Families> {
  const decoded = (families: Families) => value(families, 'realtime_tokens_total', { mode: 'decode' });
  let before = await until(server, (now) => value(now, 'num_running_reqs') === 0);
  for (;;) {
    await sleep(1500);
    const now = await scrape(server);
    if (decoded(now) === decoded(before)) return now;
    before = now;
  }
}

const value = (families: Families, name: string, labels = {}) =>
  valuesOf(families, `sglang:${name}`, labels)[0] ?? NaN;

describe('a server with --enable-metrics', () => {
  let server: Server;
  beforeAll(async () => {
    server = await launch(['--enable-metrics', '--served-model-name', 'org/m', '--decode-log-interval', '4']);
  });

  test("shows what SGLang's own test looks for", async () => {
    await Promise.all([
      streamed(server, { input_ids: promptIds(20), sampling_params: greedy(32) }),
      generate(server, { input_ids: promptIds(30, 1), sampling_params: greedy(32) }),
    ]);
    await generate(server, { input_ids: promptIds(20), sampling_params: greedy(8) });
    const families = await until(
      server,
      (now) => value(now, 'realtime_tokens_total', { mode: 'decode' }) >= 31 + 31 + 7,
    );
    for (const name of [
      'num_running_reqs',
      'num_used_tokens',
      'token_usage',
      'gen_throughput',
      'num_queue_reqs',
      'num_grammar_queue_reqs',
      'cache_hit_rate',
      'spec_accept_length',
      'prompt_tokens_total',
      'generation_tokens_total',
      'cached_tokens_total',
      'num_requests_total',
      'http_requests_active',
      'routing_keys_active',
      'num_unique_running_routing_keys',
      'routing_key_running_req_count',
      'routing_key_all_req_count',
    ]) {
      expect([name, families.get(`sglang:${name}`)?.samples.length]).toEqual([name, expect.any(Number)]);
      expect([name, value(families, name)]).toEqual([name, expect.any(Number)]);
      expect([name, Number.isNaN(value(families, name))]).toEqual([name, false]);
    }
    for (const name of ['time_to_first_token', 'inter_token_latency', 'e2e_request_latency']) {
      for (const part of ['bucket', 'sum', 'count']) {
        const parts = valuesOf(families, `sglang:${name}_seconds_${part}`, { model_name: 'org/m' });
        expect([name, part, parts.length > 0]).toEqual([name, part, true]);
      }
    }
    const bounds = ['0', '1', '2', '3', '5', '7', '10', '20', '50', '100', '200', '+Inf'];
    for (const name of ['routing_key_running_req_count', 'routing_key_all_req_count']) {
      const pairs = families.get(`sglang:${name}`)?.samples.map(({ labels: { gt, le } }) => [gt, le]);
      expect(pairs).toEqual(bounds.slice(0, -1).map((gt, i) => [gt, bounds[i + 1]]));
    }
    for (const [name, labels] of [
      ['realtime_tokens_total', { mode: 'prefill_compute' }],
      ['realtime_tokens_total', { mode: 'decode' }],
      ['gpu_execution_seconds_total', { category: 'forward_extend' }],
      ['gpu_execution_seconds_total', { category: 'forward_decode' }],
      ['process_cpu_seconds_total', { component: 'tokenizer' }],
    ] as const) {
      expect([name, labels, value(families, name, labels) > 0]).toEqual([name, labels, true]);
    }
  });

  test('counts what its replies say, to the token', async () => {
    const before = await atRest(server);
    const prompt = promptIds(50, 7);
    const replies = [
      await generate(server, { input_ids: prompt, sampling_params: greedy(13) }),
      ...(await streamed(server, { input_ids: prompt, sampling_params: greedy(9) })).slice(-1),
      await generate(server, { input_ids: prompt, sampling_params: greedy(70), log_metrics: false }),
    ];
    const metas = replies.slice(0, 2).map(({ meta_info }) => meta_info);
    const sum = (read: (meta: (typeof metas)[number]) => number) =>
      metas.reduce((total, meta) => total + read(meta), 0);
    // Those of requests at once; those of the scheduler when it says so.
    const after = await scrape(server);
    const change = (name: string, labels = {}) => value(after, name, labels) - value(before, name, labels);
    expect(change('num_requests_total')).toBe(2);
    expect(change('prompt_tokens_total')).toBe(100);
    expect(change('generation_tokens_total')).toBe(22);
    expect(change('cached_tokens_total')).toBe(sum(({ cached_tokens }) => cached_tokens));
    expect(change('cached_tokens_total')).toBeGreaterThan(40);
    expect(change('time_to_first_token_seconds_count')).toBe(2);
    expect(change('inter_token_latency_seconds_count')).toBe(12 + 8);
    expect(change('e2e_request_latency_seconds_count')).toBe(2);
    expect(change('e2e_request_latency_seconds_sum')).toBeCloseTo(
      sum(({ e2e_latency }) => e2e_latency),
      6,
    );
    expect(change('num_aborted_requests_total')).toBe(0);
    const settled = await until(
      server,
      (now) =>
        value(now, 'realtime_tokens_total', { mode: 'decode' }) -
          value(before, 'realtime_tokens_total', { mode: 'decode' }) ===
        12 + 8 + 69,
    );
    const scheduler = (name: string, labels = {}) =>
      value(settled, name, labels) - value(before, name, labels);
    expect(scheduler('queue_time_seconds_count')).toBe(3);
    for (const stage of ['prefill_waiting', 'prefill_forward', 'decode_forward']) {
      expect([stage, scheduler('per_stage_req_latency_seconds_count', { stage })]).toEqual([stage, 3]);
    }
    expect(scheduler('prefix_cache_lookup_tokens_total')).toBe(150);
    const cached = replies.reduce((total, { meta_info }) => total + meta_info.cached_tokens, 0);
    expect(scheduler('prefix_cache_hit_tokens_total')).toBe(cached);
    expect(scheduler('realtime_tokens_total', { mode: 'prefill_cache' })).toBe(cached);
    expect(scheduler('realtime_tokens_total', { mode: 'prefill_compute' })).toBe(150 - cached);
  });

  test('the first token of a reply that is not streamed is timed when it comes, not with the last', async () => {
    const before = await scrape(server);
    const reply = await generate(server, { input_ids: promptIds(4, 9), sampling_params: greedy(1500) });
    const after = await scrape(server);
    const change = (name: string) => value(after, name) - value(before, name);
    expect(change('time_to_first_token_seconds_count')).toBe(1);
    expect(change('time_to_first_token_seconds_sum')).toBeLessThan(reply.meta_info.e2e_latency / 4);
    expect(change('inter_token_latency_seconds_count')).toBe(1499);
  });

  test('shows requests while they run, by routing key, and aborted ones afterwards', async () => {
    const before = await scrape(server);
    const open = (seed: number, routing_key: string) =>
      Stream.open(server, { input_ids: promptIds(10, seed), sampling_params: greedy(1900), routing_key });
    const streams = [await open(1, 'a'), await open(2, 'a'), await open(3, 'b')];
    for (const stream of streams) await stream.until();
    // Held where they are, however slow this machine is.
    await server.post('/pause_generation', { mode: 'in_place' });
    const busy = await until(server, (now) => value(now, 'num_paused_reqs') === 3);
    expect(value(busy, 'num_running_reqs')).toBe(3);
    expect(value(busy, 'num_unique_running_routing_keys')).toBe(2);
    expect(value(busy, 'routing_key_running_req_count', { gt: '0', le: '1' })).toBe(1);
    expect(value(busy, 'routing_key_running_req_count', { gt: '1', le: '2' })).toBe(1);
    expect(value(busy, 'num_used_tokens')).toBeGreaterThan(30);
    expect(value(busy, 'token_usage')).toBe(
      value(busy, 'num_used_tokens') / value(busy, 'max_total_num_tokens'),
    );
    expect(value(busy, 'decode_sum_seq_lens')).toBeGreaterThan(30);
    expect(value(busy, 'http_requests_active', { endpoint: '/generate' })).toBe(3);

    const { body: loads } = await answer(server.fetch('/v1/loads?include=all'));
    expect(loads).toMatchObject({
      loads: [{ num_running_reqs: 3, num_total_reqs: 3, queues: { paused: 3 } }],
    });
    const { body: load } = await answer(server.fetch('/get_load'));
    expect(load).toMatchObject([{ dp_rank: 0, num_reqs: 3, num_waiting_reqs: 0 }]);
    expect((load as { num_tokens: number }[])[0]?.num_tokens).toBeGreaterThan(30);

    await server.post('/continue_generation', {});
    for (const stream of streams) stream.drop();
    const calm = await until(server, (now) => value(now, 'num_running_reqs') === 0);
    expect(value(calm, 'num_aborted_requests_total') - value(before, 'num_aborted_requests_total')).toBe(3);
    expect(value(calm, 'num_used_tokens')).toBe(0);
    expect(value(calm, 'kv_evictable_tokens')).toBeGreaterThan(0);
    await until(server, (now) => value(now, 'http_requests_active', { endpoint: '/generate' }) === 0);
    await expectClean(server);
  });

  test('tells of all three processes', async () => {
    const families = await until(
      server,
      (now) => value(now, 'process_cpu_seconds_total', { component: 'detokenizer' }) > 0,
    );
    const pids: Record<string, number> = { tokenizer: server.pid, ...server.children() };
    for (const [component, pid] of Object.entries(pids)) {
      const resident =
        Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
      const told = value(families, 'process_resident_memory_bytes', { component });
      expect([component, told > resident / 2 && told < resident * 2]).toEqual([component, true]);
      expect(value(families, 'process_heap_used_bytes', { component })).toBeLessThan(told);
      for (const quantile of ['0.5', '0.99', '1']) {
        const seconds = value(families, 'event_loop_delay_seconds', { component, quantile });
        expect([component, quantile, seconds >= 0 && seconds < 10]).toEqual([component, quantile, true]);
      }
    }
  });

  test('speaks OpenMetrics to those who ask, under the names that SGLang’s dashboard uses', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
    const reply = await server.fetch('/metrics', { headers: { accept } });
    expect(reply.headers.get('content-type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores',
    );
    const families = parseOpenMetrics(await reply.text());
    for (const name of [
      'sglang_e2e_request_latency_seconds_bucket',
      'sglang_time_to_first_token_seconds_count',
      'sglang_num_running_reqs',
      'sglang_gen_throughput',
      'sglang_cache_hit_rate',
      'sglang_num_queue_reqs',
      'sglang_num_requests_total',
    ]) {
      expect([name, valuesOf(families, name, { model_name: 'org/m' }).length > 0]).toEqual([name, true]);
    }
  });
});

test('retractions and evictions count', async () => {
  const server = await launch(
    ['--enable-metrics', '--max-total-tokens', '512', '--disable-overlap-schedule'],
    { SGLANG_TEST_RETRACT: '1' },
  );
  await Promise.all(
    [1, 2, 3].map((seed) =>
      generate(server, { input_ids: promptIds(60, seed), sampling_params: greedy(60) }),
    ),
  );
  for (let seed = 4; seed < 12; seed++) {
    await generate(server, { input_ids: promptIds(100, seed), sampling_params: greedy(4) });
  }
  const families = await until(server, (now) => value(now, 'evicted_tokens_total') > 0);
  expect(value(families, 'num_retracted_requests_total')).toBeGreaterThan(0);
  expect(value(families, 'num_retracted_input_tokens_total')).toBeGreaterThanOrEqual(60);
  expect(value(families, 'num_retractions_sum')).toBe(value(families, 'num_retracted_requests_total'));
  expect(value(families, 'eviction_duration_seconds_count')).toBeGreaterThan(0);
  await expectClean(server);
});

test('a server of vectors counts as well', async () => {
  const server = await launch(['--enable-metrics', '--is-embedding']);
  const reply = await answer(server.post('/encode', { text: ['one', 'two words'], log_metrics: true }));
  expect(reply.status).toBe(200);
  const families = await until(server, (now) => value(now, 'queue_time_seconds_count') === 3);
  // The warm-up is one more.
  expect(value(families, 'num_requests_total')).toBe(3);
  expect(value(families, 'prompt_tokens_total')).toBe(
    value(families, 'realtime_tokens_total', { mode: 'prefill_compute' }),
  );
  expect(value(families, 'e2e_request_latency_seconds_count')).toBe(3);
  expect(value(families, 'forward_execution_seconds_total', { category: 'forward_extend' })).toBeGreaterThan(
    0,
  );
  expect((await answer(server.fetch('/get_load'))).body).toMatchObject([{ num_reqs: 0 }]);
});

test('without the flag there is no page, and the loads are told all the same', async () => {
  const server = await launch();
  expect((await server.fetch('/metrics')).status).toBe(404);
  const { body } = await answer(server.fetch('/v1/loads'));
  expect(body).toMatchObject({ dp_rank_count: 1, loads: [{ num_running_reqs: 0 }] });
});
