import { MetricsRegistry } from '../../../src/metrics/registry';
import {
  DEFAULT_GENERATE_REQUEST,
  TokenizerManager,
  type GenerateRequest,
} from '../../../src/tokenizer-manager';
import { parseText, valuesOf } from '../../prometheus-text';
import { FakeScheduler } from './fake-scheduler';
import { FACTS, InlineTokenizer, makeArgs } from './fixtures';

const END = { type: 'length', length: 4 } as const;
const ABORT = { type: 'abort', message: 'Aborted' } as const;

async function setUp() {
  const scheduler = new FakeScheduler();
  scheduler.isHolding = true;
  const metrics = new MetricsRegistry(makeArgs());
  const manager = new TokenizerManager({
    args: makeArgs(),
    facts: FACTS,
    tokenizer: new InlineTokenizer(),
    toSchedulers: [scheduler],
    metrics,
  });
  scheduler.deliver = (message) => manager.handle(message);
  const client = new AbortController();
  const open = (request: Partial<GenerateRequest>) =>
    manager.generate({ ...DEFAULT_GENERATE_REQUEST, inputIds: [1, 2, 3], ...request }, client.signal);
  const read = async (name: string) => {
    const families = parseText((await metrics.page(undefined)).text);
    return valuesOf(families, `sglang:${name}`)[0] ?? NaN;
  };
  return { scheduler, manager, client, open, read };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test.each([true, false])('time and tokens of a request, stream: %s', async (stream) => {
  const { scheduler, open, read } = await setUp();
  await open({ rid: 'r', stream });
  await sleep(60);
  scheduler.emit('r', 'a');
  await sleep(40);
  // Four tokens in one interval: four times a quarter of it.
  scheduler.emit('r', 'bcde', null, { cachedTokens: 2 });
  scheduler.emit('r', '', { type: 'stop', matched: 9 }, { cachedTokens: 2, retractions: 1 });
  expect(await read('time_to_first_token_seconds_count')).toBe(1);
  expect(await read('time_to_first_token_seconds_sum')).toBeGreaterThan(0.055);
  expect(await read('inter_token_latency_seconds_count')).toBe(4);
  const seconds = await read('inter_token_latency_seconds_sum');
  expect(seconds).toBeGreaterThan(0.035);
  const [ttft, e2e] = [
    await read('time_to_first_token_seconds_sum'),
    await read('e2e_request_latency_seconds_sum'),
  ];
  expect(ttft + seconds).toBeLessThanOrEqual(e2e);
  expect(await read('num_requests_total')).toBe(1);
  expect(await read('num_aborted_requests_total')).toBe(0);
  expect(await read('prompt_tokens_total')).toBe(3);
  expect(await read('generation_tokens_total')).toBe(5);
  expect(await read('cached_tokens_total')).toBe(2);
  expect(await read('uncached_prompt_tokens_histogram_sum')).toBe(1);
  expect(await read('generation_tokens_histogram_sum')).toBe(5);
  expect(await read('num_retractions_sum')).toBe(1);
});

test('nothing is counted before the end but the time to tokens', async () => {
  const { scheduler, open, read } = await setUp();
  await open({ rid: 'r' });
  scheduler.emit('r', 'abc');
  expect(await read('num_requests_total')).toBe(0);
  expect(await read('generation_tokens_total')).toBe(0);
  expect(await read('time_to_first_token_seconds_count')).toBe(1);
});

test('aborted and failed requests count as such, with their tokens, and not among the latencies', async () => {
  const { scheduler, manager, open, read } = await setUp();
  await open({ rid: 'waiting' });
  await open({ rid: 'running' });
  await open({ rid: 'failing' });
  scheduler.emit('waiting', '', ABORT);
  scheduler.emit('running', 'ab');
  scheduler.emit('running', '', ABORT);
  manager.handle({ type: 'failed', rid: 'failing', message: 'unreadable' });
  expect(await read('num_requests_total')).toBe(3);
  expect(await read('num_aborted_requests_total')).toBe(3);
  expect(await read('prompt_tokens_total')).toBe(9);
  expect(await read('generation_tokens_total')).toBe(2);
  expect(await read('time_to_first_token_seconds_count')).toBe(1);
  expect(await read('e2e_request_latency_seconds_count')).toBe(0);
  expect(await read('generation_tokens_histogram_count')).toBe(0);
});

test('a client that leaves does not take its request out of the count', async () => {
  const { scheduler, client, open, read } = await setUp();
  await open({ rid: 'r', stream: true });
  scheduler.emit('r', 'ab');
  client.abort();
  await scheduler.until('abort');
  expect(await read('num_requests_total')).toBe(0);
  scheduler.emit('r', 'c', ABORT);
  expect(await read('num_aborted_requests_total')).toBe(1);
  expect(await read('generation_tokens_total')).toBe(3);
});

test('every sample counts, and what runs before them for their sake does not', async () => {
  const { scheduler, open, read } = await setUp();
  const job = open({ rid: 'r', samplingParams: { n: 2, max_new_tokens: 4 } });
  await scheduler.until('generate', 1);
  scheduler.emit('r_0', '', { type: 'length', length: 0 });
  await job;
  scheduler.emit('r_0', 'abcd', END);
  scheduler.emit('r_1', 'abcd', END);
  expect(await read('num_requests_total')).toBe(2);
  expect(await read('generation_tokens_total')).toBe(8);
});

test("the server's own probes do not count", async () => {
  const { scheduler, manager, client, read } = await setUp();
  await manager.probe('probe', client.signal);
  scheduler.emit('probe', 'a', END);
  expect(await read('num_requests_total')).toBe(0);
  expect(await read('time_to_first_token_seconds_count')).toBe(0);
});
