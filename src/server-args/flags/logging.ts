import { LOG_LEVELS } from '../../logging/logger';
import { choice, flag, float, floats, int, json, later, reject, str, strs, topic, warn, yes } from '../flag';

export const loggingTopic = topic('Logs', yes, {
  logLevel: choice(LOG_LEVELS, 'info', 'Least severity of the log.', { lowercase: true }),
  logLevelHttp: choice(LOG_LEVELS, null, 'Least severity of the access log. Without it that of the log.', {
    lowercase: true,
  }),
  logRequests: flag('Log each request as it arrives and as it ends.'),
  logRequestsLevel: choice(
    [0, 1, 2, 3],
    2,
    'What of a request is logged: 0 metadata, 1 sampling parameters too, 2 also text cut at 2048 characters, 3 all of it.',
  ),
  logRequestsFormat: choice(['text', 'json'], 'text', 'Form of logged requests.'),
  logRequestsTarget: strs(
    '+',
    null,
    'Where requests are logged: stdout, or folders, a file for each process and hour. Without it the log (stderr).',
  ),
  uvicornAccessLogExcludePrefixes: strs(
    '*',
    [],
    'Paths that start with one of these stay out of the access log.',
  ),
  crashDumpFolder: str(
    null,
    'Folder that receives the requests of the last 5 minutes when the server crashes.',
  ),
  showTimeCost: flag('Log the time of marked pieces of code.', { support: warn('no code is marked') }),
  gcWarningThresholdSecs: float(0.0, 'Seconds of garbage collection that are worth a warning.', {
    support: warn('garbage collection is not watched'),
  }),
  enableRequestTimeStatsLogging: flag(
    'Log of each request how long it waited and was computed when it has ended.',
  ),
  enableTrace: flag('Record traces of requests with OpenTelemetry; needs an SDK, see docs/observability.md.'),
  otlpTracesEndpoint: str(
    'localhost:4317',
    'Where traces are sent, unless an SDK of your own is registered.',
    {
      nonEmpty: true,
    },
  ),
  customSigquitHandler: str(null, 'Python function that handles SIGQUIT.', {
    support: reject('no Python code is run here'),
  }),
});

export const metricsTopic = topic('Metrics', yes, {
  enableMetrics: flag('Count requests, tokens and time, and serve /metrics for Prometheus.'),
  enableMetricsForAllSchedulers: flag('Record metrics of every rank.', {
    support: warn('there is one scheduler'),
  }),
  tokenizerMetricsCustomLabelsHeader: str(
    'x-custom-labels',
    'Header with labels of a request, a JSON object.',
  ),
  tokenizerMetricsAllowedCustomLabels: strs(
    '+',
    null,
    'Labels that this header and custom_labels of a request may set. Beyond 256 sets of values all count as other.',
  ),
  extraMetricLabels: json(
    null,
    'Labels of all metrics of the engine and of requests, a JSON object of texts.',
  ),
  bucketTimeToFirstToken: floats('+', 'Histogram of the time to the first token, seconds.'),
  bucketInterTokenLatency: floats('+', 'Histogram of the time between tokens, seconds.'),
  bucketE2eRequestLatency: floats('+', 'Histogram of the time of a request, seconds.'),
  collectTokensHistogram: flag('Record the lengths of prompts and outputs.', {
    support: warn('--enable-metrics always records them'),
  }),
  promptTokensBuckets: strs(
    '+',
    null,
    'Histogram of prompt lengths: default, tse middle base count, or custom values.',
  ),
  generationTokensBuckets: strs('+', null, 'Histogram of output lengths, in the same form.'),
  exportMetricsToFile: flag('Write a line of JSON for each request.', {
    support: later('a file of the metrics of each request'),
  }),
  exportMetricsToFileDir: str(null, 'Folder of those lines.', {
    support: later('a file of the metrics of each request'),
  }),
  expertDistributionRecorderMode: choice(
    ['stat', 'stat_approx', 'per_pass', 'per_token'],
    null,
    'Let /start_expert_distribution_record record which experts are chosen: counts (stat, stat_approx), with a record for each forward pass, or for each token. Without it nothing is recorded.',
  ),
  expertDistributionRecorderBufferSize: int(
    null,
    'Forward passes that are kept one by one, the last ones; -1 is all. Without it 1000.',
    { range: { min: 1, or: -1 } },
  ),
  enableExpertDistributionMetrics: flag(
    'Record the choice of experts from the start (mode stat unless another is given) and say in the log, and with --enable-metrics in /metrics, how even it is.',
  ),
});
