import { CustomLabels } from '../../../src/metrics/custom-labels';
import { MetricsRegistry, type MetricArgs } from '../../../src/metrics/registry';
import { definitionOf, exportedNames, METRICS, type MetricName } from '../../../src/metrics/table';
import { parseText, valuesOf, type Family } from '../../prometheus-text';
import { makeArgs } from '../tokenizer-manager/fixtures';

const NAMES = Object.keys(METRICS) as MetricName[];

async function page(metrics: MetricsRegistry): Promise<Map<string, Family>> {
  return parseText((await metrics.page(undefined)).text);
}

const open = (args: Partial<MetricArgs> = {}) => new MetricsRegistry({ ...makeArgs(), ...args });

test('every metric of the table is there under each of its names, with its type', async () => {
  const families = await page(open());
  const names = NAMES.flatMap((name) => exportedNames(name));
  expect(new Set(names).size).toBe(names.length);
  expect([...families.keys()].sort()).toEqual(names.map((name) => `sglang:${name}`).sort());
  for (const name of NAMES) {
    const { type, help } = definitionOf(name);
    expect(families.get(`sglang:${name}`)).toMatchObject({ type, help });
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
  }
});

test('counters and histograms are there before the first number: a rate would miss it', async () => {
  const families = await page(open());
  expect(valuesOf(families, 'sglang:num_requests_total')).toEqual([0]);
  expect(valuesOf(families, 'sglang:realtime_tokens_total')).toEqual([0, 0, 0]);
  expect(valuesOf(families, 'sglang:time_to_first_token_seconds_count')).toEqual([0]);
  expect(valuesOf(families, 'sglang:num_running_reqs')).toEqual([]);
});

test('an old name tells what the new one tells', async () => {
  const metrics = open();
  metrics.record('forward_execution_seconds_total', 1.5, { category: 'forward_extend' });
  metrics.record('num_used_tokens', 9);
  const families = await page(metrics);
  const old = valuesOf(families, 'sglang:gpu_execution_seconds_total', { category: 'forward_extend' });
  expect(old).toEqual([1.5]);
  expect(valuesOf(families, 'sglang:kv_used_tokens')).toEqual([9]);
});

test('labels: the engine, requests, and neither', async () => {
  const metrics = open({
    servedModelName: 'org/m',
    extraMetricLabels: { zone: 'b' },
    tokenizerMetricsAllowedCustomLabels: ['team'],
  });
  metrics.record('num_running_reqs', 1);
  metrics.record('routing_keys_active', 1);
  metrics.record('num_requests_total', 1, { team: 'blue' });
  const families = await page(metrics);
  const labels = (name: string) => families.get(`sglang:${name}`)?.samples.map((sample) => sample.labels);
  const model = { model_name: 'org/m', zone: 'b' };
  expect(labels('num_running_reqs')).toEqual([
    { ...model, engine_type: 'unified', tp_rank: '0', pp_rank: '0', moe_ep_rank: '0' },
  ]);
  expect(labels('num_requests_total')).toEqual([
    { ...model, team: '' },
    { ...model, team: 'blue' },
  ]);
  expect(labels('routing_keys_active')).toEqual([{}]);
});

test('flags set the bounds', async () => {
  const families = await page(
    open({
      bucketTimeToFirstToken: [2, 1],
      bucketInterTokenLatency: [0.5],
      bucketE2eRequestLatency: [7],
      promptTokensBuckets: ['custom', '5'],
      generationTokensBuckets: ['tse', '8', '2', '2'],
    }),
  );
  const bounds = (name: string) =>
    families
      .get(`sglang:${name}`)
      ?.samples.filter((sample) => sample.name.endsWith('_bucket'))
      .map((sample) => sample.labels['le']);
  expect(bounds('time_to_first_token_seconds')).toEqual(['1', '2', '+Inf']);
  expect(bounds('inter_token_latency_seconds')).toEqual(['0.5', '+Inf']);
  expect(bounds('e2e_request_latency_seconds')).toEqual(['7', '+Inf']);
  expect(bounds('prompt_tokens_histogram')).toEqual(['5', '+Inf']);
  expect(bounds('uncached_prompt_tokens_histogram')).toEqual(['5', '+Inf']);
  expect(bounds('generation_tokens_histogram')).toEqual(['6', '8', '10', '+Inf']);
});

test('what several schedulers tell is told apart; what the server counts is not', async () => {
  const metrics = open({ dpSize: 2 });
  for (const rank of [0, 1]) {
    metrics.apply(
      [
        ['num_running_reqs', 3 + rank, null],
        ['queue_time_seconds', 1, null],
        ['process_resident_memory_bytes', 5 + rank, { component: `scheduler_DP${rank}` }],
      ],
      rank,
    );
  }
  metrics.record('prompt_tokens_total', 7, { model_name: 'org/tiny' });
  const families = await page(metrics);
  for (const rank of [0, 1]) {
    expect(valuesOf(families, 'sglang:num_running_reqs', { dp_rank: String(rank) })).toEqual([3 + rank]);
    expect(valuesOf(families, 'sglang:queue_time_seconds_count', { dp_rank: String(rank) })).toEqual([1]);
    const process = { component: `scheduler_DP${rank}` };
    expect(valuesOf(families, 'sglang:process_resident_memory_bytes', process)).toEqual([5 + rank]);
  }
  // Both ranks are there from the start, and nobody without one.
  const tokens = families.get('sglang:realtime_tokens_total')?.samples.map(({ labels }) => labels['dp_rank']);
  expect(tokens?.sort()).toEqual(['0', '0', '0', '1', '1', '1']);
  expect(families.get('sglang:prompt_tokens_total')?.samples[0]?.labels).not.toHaveProperty('dp_rank');
  const alone = open();
  alone.apply([['num_running_reqs', 1, null]], 0);
  const [sample] = (await page(alone)).get('sglang:num_running_reqs')?.samples ?? [];
  expect(sample?.labels).not.toHaveProperty('dp_rank');
});

test('a histogram sorts values into buckets, those on a bound below it, as often as they count', async () => {
  const metrics = open({
    bucketInterTokenLatency: [1, 2],
    tokenizerMetricsAllowedCustomLabels: ['team'],
  });
  const values = [0, 1, 1.5, 2, 2.1, 50];
  // Labels are what they say, not the object that says it.
  for (const value of values) metrics.record('inter_token_latency_seconds', value, { team: 'a' });
  metrics.record('inter_token_latency_seconds', 0.5, { team: 'a' }, 10);
  const families = await page(metrics);
  const [bucket, sum, count] = ['bucket', 'sum', 'count'].map(
    (part) => `sglang:inter_token_latency_seconds_${part}`,
  ) as [string, string, string];
  const below = (le: string) => valuesOf(families, bucket, { team: 'a', le });
  expect([below('1'), below('2'), below('+Inf')]).toEqual([[12], [14], [16]]);
  expect(valuesOf(families, count, { team: 'a' })).toEqual([16]);
  expect(valuesOf(families, sum, { team: 'a' })[0]).toBeCloseTo(56.6 + 5, 9);
  expect(valuesOf(families, count, { team: '' })).toEqual([0]);
});

test('a child may only tell what the table knows', () => {
  const metrics = open();
  expect(() => metrics.apply([['invented', 1, null]], null)).toThrow(/not in the table/);
});

describe('custom labels', () => {
  test('only those that are allowed count, and the later ones win', () => {
    const labels = new CustomLabels(['team', 'tier']);
    expect(labels.of({ team: 'red', secret: 'x' }, null)).toEqual({ team: 'red', tier: '' });
    expect(labels.of({ team: 'red', tier: '1' }, { team: 'blue' })).toEqual({ team: 'blue', tier: '1' });
    expect(new CustomLabels([]).of({ team: 'red' })).toEqual({});
  });

  test('clients cannot make series without end', () => {
    const labels = new CustomLabels(['team']);
    const sets = Array.from({ length: 10_000 }, (_, i) => labels.of({ team: `t${i}` }));
    const values = new Set(sets.map(({ team }) => team));
    expect(values.size).toBe(256);
    expect(labels.of({ team: 't9999' })).toEqual({ team: 'other' });
    expect(labels.of({ team: 't0' })).toEqual({ team: 't0' });
    expect(labels.of(null)).toEqual({ team: '' });
    expect(new CustomLabels(['team']).of({ team: 'x'.repeat(10_000) })['team']).toHaveLength(128);
  });
});
