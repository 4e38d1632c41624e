import { metricSample, type MetricSample } from '../../../src/core/metric-sample';
import { MetricsReporter } from '../../../src/metrics/reporter';

function open() {
  const reports: (readonly MetricSample[])[] = [];
  const reporter = new MetricsReporter('scheduler', (samples) => reports.push(samples));
  const told = (name: string) => reports.flat().filter((sample) => sample[0] === name);
  return { reporter, reports, told };
}

test('a report is as large as the table, not as the traffic', () => {
  const { reporter, reports, told } = open();
  for (let i = 0; i < 1000; i++) {
    reporter.record('realtime_tokens_total', 2, { mode: 'decode' });
    reporter.record('realtime_tokens_total', 1, { mode: 'prefill_cache' });
    reporter.record('num_running_reqs', i);
  }
  expect(reports).toEqual([]);
  reporter.report();
  expect(told('realtime_tokens_total')).toEqual([
    ['realtime_tokens_total', 2000, { mode: 'decode' }],
    ['realtime_tokens_total', 1000, { mode: 'prefill_cache' }],
  ]);
  expect(told('num_running_reqs')).toEqual([['num_running_reqs', 999, null]]);
  for (const sample of reports.flat()) expect(metricSample(sample)).toBe(true);
});

test('nothing is told twice, and every observation is told', () => {
  const { reporter, reports, told } = open();
  for (let i = 0; i < 5000; i++) reporter.record('queue_time_seconds', i);
  reporter.reportNews();
  reporter.reportNews();
  reporter.record('evicted_tokens_total', 3);
  reporter.report();
  expect(told('queue_time_seconds').map(([, value]) => value)).toEqual(
    Array.from({ length: 5000 }, (_, i) => i),
  );
  expect(told('evicted_tokens_total')).toEqual([['evicted_tokens_total', 3, null]]);
  for (const report of reports) expect(report.length).toBeLessThan(2100);
});

test('a gauge that stays is told once, and again when it moves back', () => {
  const { reporter, told } = open();
  for (const running of [3, 3, 4, 4, 3]) {
    reporter.record('num_running_reqs', running);
    reporter.report();
  }
  expect(told('num_running_reqs').map(([, value]) => value)).toEqual([3, 4, 3]);
});

test('news come at once, but not one by one', async () => {
  const { reporter, reports, told } = open();
  const startedAt = performance.now();
  for (let i = 0; performance.now() - startedAt < 500; i++) {
    reporter.record('evicted_tokens_total', 1);
    reporter.reportNews();
    if (i === 0) expect(reports).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(reports.length).toBeLessThan(2 + (performance.now() - startedAt) / 200);
  const recorded = () => told('evicted_tokens_total').reduce((sum, [, value]) => sum + value, 0);
  const before = recorded();
  await new Promise((resolve) => setTimeout(resolve, 250));
  // Nobody had to ask again for the last of them.
  expect(recorded()).toBeGreaterThan(before);
});

test('what is only worth reading with a report is read then, and so is the process', () => {
  const { reporter, reports, told } = open();
  let running = 0;
  reporter.beforeReport((metrics) => metrics.record('num_running_reqs', running));
  running = 7;
  reporter.reportNews();
  expect(reports).toEqual([]);
  reporter.report();
  expect(told('num_running_reqs')).toEqual([['num_running_reqs', 7, null]]);
  const [[, seconds] = []] = told('process_cpu_seconds_total');
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThan(process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6 + 1);
  expect(told('process_resident_memory_bytes')[0]?.[1]).toBeGreaterThan(10e6);
});

test('an event loop that is held up is late by as much', async () => {
  const { reporter, told } = open();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const end = performance.now() + 300;
  while (performance.now() < end);
  await new Promise((resolve) => setTimeout(resolve, 100));
  reporter.report();
  const late = (quantile: string) =>
    told('event_loop_delay_seconds').find(([, , labels]) => labels?.['quantile'] === quantile)?.[1];
  expect(late('1')).toBeGreaterThan(0.25);
  expect(late('1')).toBeLessThan(2);
  expect(late('0.5')).toBeLessThan(0.1);
});
