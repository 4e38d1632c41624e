import { join } from 'node:path';
import { Collector, type Span } from './collector';
import { generate, greedy, plain, promptIds } from './client';
import { launch, type Server } from './harness';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';
const traceparent = `00-${TRACE_ID}-${PARENT_ID}-01`;

let collector: Collector;
let server: Server;
beforeAll(async () => {
  collector = await Collector.start();
  server = await launch(
    ['--enable-trace', '--otlp-traces-endpoint', collector.endpoint, '--chunked-prefill-size', '64'],
    { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json', SGLANG_OTLP_EXPORTER_SCHEDULE_DELAY_MILLIS: '100' },
  );
});
afterAll(() => collector.close());

/** Each span as the names from the root down to it, sorted; spans that are alike count once. */
function paths(spans: readonly Span[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const path = (span: Span): string => {
    const parent = byId.get(span.parentSpanId);
    return parent === undefined ? span.name : `${path(parent)} / ${span.name}`;
  };
  return [...new Set(spans.map(path))].sort();
}

const rootOf = (spans: readonly Span[]) => spans.find(({ name }) => name.startsWith('Req ')) as Span;
const level = async (value: number) =>
  expect(await plain(server.post(`/set_trace_level?level=${value}`, {}))).toEqual({
    status: 200,
    text: 'success',
  });

test('says where traces go', () => {
  expect(server.stderr).toContain(`Traces are sent to http://${collector.endpoint}/v1/traces.`);
});

test("goes on with the caller's trace through all processes, as SGLang names the stages", async () => {
  const body = { input_ids: promptIds(100), rid: 'first-one', sampling_params: greedy(6) };
  const reply = await server.post('/generate', body, { headers: { traceparent, tracestate: 'vendor=1' } });
  expect(reply.status).toBe(200);
  const spans = await collector.trace('first-one');
  const root = rootOf(spans);
  expect([root.traceId, root.parentSpanId, root.name]).toEqual([TRACE_ID, PARENT_ID, 'Req first-on']);
  expect(paths(spans)).toEqual([
    'Req first-on',
    'Req first-on / Detokenizer',
    'Req first-on / Detokenizer / detokenize',
    'Req first-on / Scheduler',
    'Req first-on / Scheduler / chunked_prefill',
    'Req first-on / Scheduler / decode_forward',
    'Req first-on / Scheduler / decode_loop',
    'Req first-on / Scheduler / prefill_forward',
    'Req first-on / Scheduler / prefill_waiting',
    'Req first-on / Scheduler / request_process',
    'Req first-on / Tokenizer',
    'Req first-on / Tokenizer / api_server_dispatch',
    'Req first-on / Tokenizer / tokenize',
  ]);
  const count = (name: string) => spans.filter((span) => span.name === name).length;
  expect([count('chunked_prefill'), count('decode_loop'), count('decode_forward')]).toEqual([2, 5, 1]);
  // Three processes, and every span within the time of the request.
  const processes = ['Tokenizer', 'Scheduler', 'Detokenizer'].map(
    (name) => spans.find((span) => span.name === name)?.attributes['pid'],
  );
  const { scheduler, detokenizer } = server.children();
  expect(processes).toEqual([server.pid, scheduler, detokenizer]);
  const slack = 5_000_000n;
  for (const { name, start, end } of spans) {
    expect([name, start >= root.start - slack, end <= root.end + slack, end >= start]).toEqual([
      name,
      true,
      true,
      true,
    ]);
  }
  expect(root.attributes).toMatchObject({
    rid: 'first-one',
    'gen_ai.request.id': 'first-one',
    'gen_ai.request.max_tokens': 6,
    'gen_ai.request.temperature': 0,
    'gen_ai.request.n': 1,
    'gen_ai.response.finish_reasons': ['length'],
    'gen_ai.usage.prompt_tokens': 100,
    'gen_ai.usage.completion_tokens': 6,
    'gen_ai.usage.cached_tokens': 0,
    'gen_ai.latency.e2e': expect.any(Number),
    'gen_ai.latency.time_to_first_token': expect.any(Number),
  });
  expect(spans.find(({ name }) => name === 'Scheduler')?.attributes).toMatchObject({
    'gen_ai.latency.time_in_queue': expect.any(Number),
    'gen_ai.latency.time_in_model_prefill': expect.any(Number),
    'gen_ai.latency.time_in_model_decode': expect.any(Number),
  });
});

test('the body may name the trace, and each sample of a request has a span of its own', async () => {
  const body = {
    text: 'Hi',
    rid: 'n2',
    sampling_params: { ...greedy(3), n: 2 },
    external_trace_header: { traceparent: traceparent.replace(TRACE_ID, '1'.repeat(32)) },
  };
  expect((await server.post('/generate', body)).status).toBe(200);
  const spans = await collector.trace('n2_0');
  expect(spans[0]?.traceId).toBe('1'.repeat(32));
  const roots = spans.filter(({ name }) => name.startsWith('Req '));
  expect(roots.map(({ attributes }) => attributes['rid']).sort()).toEqual(['n2_0', 'n2_1']);
  expect(roots[0]?.attributes['gen_ai.request.n']).toBe(2);
});

test('a request without a trace begins one; levels below leave out what lies between the stages', async () => {
  await level(1);
  await generate(server, { text: 'Hi', rid: 'level-1', sampling_params: greedy(4) });
  const spans = await collector.trace('level-1');
  expect(rootOf(spans).parentSpanId).toBe('');
  expect(paths(spans)).toEqual([
    'Req level-1',
    'Req level-1 / Detokenizer',
    'Req level-1 / Scheduler',
    'Req level-1 / Scheduler / decode_forward',
    'Req level-1 / Scheduler / prefill_forward',
    'Req level-1 / Scheduler / prefill_waiting',
    'Req level-1 / Tokenizer',
    'Req level-1 / Tokenizer / tokenize',
  ]);
});

test('level 0 records nothing; what is not a level is refused', async () => {
  await level(0);
  await generate(server, { text: 'Hi', rid: 'level-0', sampling_params: greedy(4) });
  await level(3);
  await generate(server, { text: 'Hi', rid: 'level-3', sampling_params: greedy(4) });
  await collector.trace('level-3');
  expect(collector.spans.filter(({ name }) => name === 'Req level-0')).toEqual([]);
  expect((await server.post('/set_trace_level?level=x', {})).status).toBe(400);
  expect((await server.post('/set_trace_level', {})).status).toBe(400);
});

test('what ends a request ends its spans: a stop string, an abort, a refusal', async () => {
  const { text } = await generate(server, { text: 'Hi', sampling_params: greedy(12) });
  const stop = text.slice(-3);
  await generate(server, { text: 'Hi', rid: 'stops', sampling_params: greedy(300, { stop: [stop] }) });
  const reply = await server.post('/generate', {
    text: 'Hi',
    rid: 'aborts',
    sampling_params: greedy(2000),
    stream: true,
  });
  await server.post('/abort_request', { rid: 'aborts' });
  await reply.text();
  for (const [rid, reason] of [
    ['stops', 'stop'],
    ['aborts', 'abort'],
  ] as const) {
    const spans = await collector.trace(rid);
    expect(rootOf(spans).attributes['gen_ai.response.finish_reasons']).toEqual([reason]);
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['Scheduler', 'Tokenizer']));
  }
});

test('what was recorded is sent before the server ends', async () => {
  await generate(server, { text: 'Hi', rid: 'the-last', sampling_params: greedy(4) });
  expect(await server.stop()).toBe(0);
  const names = (await collector.trace('the-last')).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['Req the-last', 'Tokenizer', 'Scheduler', 'Detokenizer']));
});

test('an SDK that the operator registered is used in every process', async () => {
  const own = await launch(['--enable-trace'], {
    NODE_OPTIONS: `--import ${join(__dirname, 'otel-sdk.mjs')}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${collector.endpoint}`,
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  });
  expect(own.stderr).toContain('Traces go to the OpenTelemetry SDK that is registered in this process.');
  await generate(own, { text: 'Hi', rid: 'own-sdk', sampling_params: greedy(4) });
  const names = (await collector.trace('own-sdk')).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['Req own-sdk', 'Tokenizer', 'Scheduler', 'Detokenizer']));
  await own.stop();
});

test('vectors are traced as well', async () => {
  const vectors = await launch(
    ['--is-embedding', '--enable-trace', '--otlp-traces-endpoint', collector.endpoint],
    { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' },
  );
  expect((await vectors.post('/encode', { text: 'Hi', rid: 'vector' })).status).toBe(200);
  expect(paths(await collector.trace('vector'))).toEqual([
    'Req vector',
    'Req vector / Scheduler',
    'Req vector / Scheduler / prefill_forward',
    'Req vector / Scheduler / prefill_waiting',
    'Req vector / Scheduler / request_process',
    'Req vector / Tokenizer',
    'Req vector / Tokenizer / api_server_dispatch',
    'Req vector / Tokenizer / tokenize',
  ]);
  await vectors.stop();
});
