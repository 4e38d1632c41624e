import { toOpenMetrics, wantsOpenMetrics } from '../../../src/metrics/exposition';
import { MetricsRegistry } from '../../../src/metrics/registry';
import { parseOpenMetrics, parseText, valuesOf } from '../../prometheus-text';
import { makeArgs } from '../tokenizer-manager/fixtures';

/** What Prometheus sends, before and since its third version. */
const PROMETHEUS_2 = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
const PROMETHEUS_3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,' +
  'application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,' +
  'text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

test.each([
  [undefined, false],
  ['*/*', false],
  ['text/plain', false],
  [PROMETHEUS_2, true],
  [PROMETHEUS_3, true],
  ['Application/OpenMetrics-Text', true],
  ['application/openmetrics-text;q=0', false],
  ['application/openmetrics-text;q=0.2, text/plain;q=0.9', false],
  ['application/openmetrics-text;q=nonsense', false],
])('Accept: %s wants OpenMetrics: %s', (accept, wants) => expect(wantsOpenMetrics(accept)).toBe(wants));

test('both formats tell the same, colons and suffixes apart', async () => {
  const metrics = new MetricsRegistry(
    makeArgs({ extraMetricLabels: { zone: 'a "quoted" sglang:\\ \n name' }, servedModelName: 'sglang' }),
  );
  metrics.record('realtime_tokens_total', 5, { mode: 'decode' });
  metrics.record('queue_time_seconds', 0.3);
  metrics.record('num_running_reqs', 2);
  const text = parseText((await metrics.page(undefined)).text);
  const open = parseOpenMetrics((await metrics.page(PROMETHEUS_3)).text);
  expect(open.size).toBe(text.size);
  for (const [name, { type, samples }] of text) {
    const family = name.replace('sglang:', 'sglang_').replace(type === 'counter' ? /_total$/ : /$^/, '');
    const renamed = samples.map((sample) => ({ ...sample, name: sample.name.replace('sglang:', 'sglang_') }));
    expect(open.get(family)).toMatchObject({ type, samples: renamed });
  }
  expect(valuesOf(open, 'sglang_realtime_tokens_total', { mode: 'decode' })).toEqual([5]);
  // Reading one format leaves the other as it is.
  expect(parseText((await metrics.page('text/plain')).text)).toEqual(text);
});

test('a gauge keeps its name, whatever it ends with', () => {
  const text = '# HELP sglang:a_total x\n# TYPE sglang:a_total gauge\nsglang:a_total 1\n';
  expect(toOpenMetrics(text)).toBe(
    '# HELP sglang_a_total x\n# TYPE sglang_a_total gauge\nsglang_a_total 1\n# EOF\n',
  );
});
