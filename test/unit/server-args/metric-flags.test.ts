import { messageOf, resolve } from './helpers';

test.each([
  [
    ['--bucket-time-to-first-token', '0.5', '-1'],
    'argument --bucket-time-to-first-token: bounds must not be',
  ],
  [
    ['--prompt-tokens-buckets', 'tse', '1', '1', '4'],
    'argument --prompt-tokens-buckets: the base must be above 1',
  ],
  [['--generation-tokens-buckets', 'some'], 'argument --generation-tokens-buckets: must begin with default'],
  [['--extra-metric-labels', '{"a-b":"x"}'], "argument --extra-metric-labels: 'a-b' cannot be the name"],
  [
    ['--extra-metric-labels', '{"zone":1}'],
    'argument --extra-metric-labels: the label zone must be a string',
  ],
  [['--extra-metric-labels', '{"tp_rank":"1"}'], 'the label tp_rank has a meaning of its own'],
  [['--tokenizer-metrics-allowed-custom-labels', 'le'], 'the label le has a meaning of its own'],
  [['--tokenizer-metrics-allowed-custom-labels', '__a'], "'__a' cannot be the name"],
  [
    ['--extra-metric-labels', '{"zone":"b"}', '--tokenizer-metrics-allowed-custom-labels', 'zone'],
    'zone is set by --extra-metric-labels',
  ],
])('%j is refused', (argv, message) => expect(messageOf(() => resolve(argv))).toContain(message));

test('what is well formed is taken as it is', () => {
  const { args, warnings } = resolve([
    ...[
      '--enable-metrics',
      '--bucket-inter-token-latency',
      '0.2',
      '0.1',
      '--prompt-tokens-buckets',
      'default',
    ],
    ...['--extra-metric-labels', '{"zone":"b"}', '--tokenizer-metrics-allowed-custom-labels', 'team', 'tier'],
  ]);
  expect(warnings).toEqual([]);
  expect(args).toMatchObject({
    enableMetrics: true,
    bucketInterTokenLatency: [0.2, 0.1],
    extraMetricLabels: { zone: 'b' },
    tokenizerMetricsAllowedCustomLabels: ['team', 'tier'],
  });
});
