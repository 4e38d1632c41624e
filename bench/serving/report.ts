import type { Spread, Summary } from './metrics';
import type { Options } from './options';
import type { RequestResult } from './reply-meter';

/** What a report says beyond the summary. */
export interface RunFacts {
  /** Tokens of all generated text, counted by the tokenizer; null without one. */
  readonly retokenized: number | null;
  /** Tokens accepted per speculative step, where the server reports it. */
  readonly acceptLength: number | null;
  /** The server's answer to GET /get_server_info; null where it gave none. */
  readonly serverInfo: unknown;
}

const WIDTH = 50;
const LABEL_WIDTH = 40;

/** The table for people. */
export function formatTable(options: Options, summary: Summary, facts: RunFacts): string {
  const line = (label: string, value: string | number) => `${label.padEnd(LABEL_WIDTH)} ${String(value)}`;
  const figure = (label: string, value: number) => line(label, value.toFixed(2));
  const section = (title: string) => centered(` ${title} `, '-');
  const spans = (name: string, spread: Spread, keys: readonly (keyof Spread)[]) =>
    keys.map((key) => figure(`${SPREAD_LABELS[key]} ${name} (ms):`, spread[key]));
  return [
    '',
    centered(' Serving Benchmark Result ', '='),
    line('Backend:', options.backend),
    line('Traffic request rate:', rateText(options.requestRate)),
    line('Max request concurrency:', options.maxConcurrency ?? 'not set'),
    line('Successful requests:', summary.completed),
    ...(summary.failed > 0 ? [line('Failed requests:', summary.failed)] : []),
    figure('Benchmark duration (s):', summary.duration),
    line('Total input tokens:', summary.totalInput),
    line('Total generated tokens:', summary.totalOutput),
    ...(facts.retokenized === null ? [] : [line('Total generated tokens (retokenized):', facts.retokenized)]),
    figure('Request throughput (req/s):', summary.requestThroughput),
    figure('Input token throughput (tok/s):', summary.inputThroughput),
    figure('Output token throughput (tok/s):', summary.outputThroughput),
    figure('Peak output token throughput (tok/s):', summary.peakOutputThroughput),
    line('Peak concurrent requests:', summary.peakConcurrency),
    figure('Total token throughput (tok/s):', summary.totalThroughput),
    figure('Concurrency:', summary.concurrency),
    ...(facts.acceptLength === null ? [] : [figure('Accept length:', facts.acceptLength)]),
    section('End-to-End Latency'),
    ...spans('E2E Latency', summary.e2e, ['mean', 'median', 'p90', 'p99']),
    section('Time to First Token'),
    ...spans('TTFT', summary.ttft, ['mean', 'median', 'p99']),
    section('Time per Output Token (excl. 1st token)'),
    ...spans('TPOT', summary.tpot, ['mean', 'median', 'p99']),
    section('Inter-Token Latency'),
    ...spans('ITL', summary.itl, ['mean', 'median', 'p95', 'p99', 'max']),
    '='.repeat(WIDTH),
    '',
  ].join('\n');
}

const SPREAD_LABELS: Readonly<Record<keyof Spread, string>> = {
  mean: 'Mean',
  median: 'Median',
  std: 'Std',
  p90: 'P90',
  p95: 'P95',
  p99: 'P99',
  max: 'Max',
};

function centered(text: string, fill: string): string {
  const left = Math.max(0, Math.floor((WIDTH - text.length) / 2));
  return text.padStart(text.length + left, fill).padEnd(WIDTH, fill);
}

function rateText(rate: number): string {
  return rate === Infinity ? 'inf' : String(rate);
}

/** The record for machines: one line of a JSONL file. */
export function toRecord(
  options: Options,
  summary: Summary,
  facts: RunFacts,
  results: readonly RequestResult[],
): Record<string, unknown> {
  return {
    tag: options.tag,
    backend: options.backend,
    dataset_name: options.datasetName,
    request_rate: rateText(options.requestRate),
    max_concurrency: options.maxConcurrency,
    sharegpt_output_len: options.sharegptOutputLen,
    random_input_len: options.randomInputLen,
    random_output_len: options.randomOutputLen,
    random_range_ratio: options.randomRangeRatio,
    server_info: facts.serverInfo,
    duration: summary.duration,
    completed: summary.completed,
    failed: summary.failed,
    total_input_tokens: summary.totalInput,
    total_output_tokens: summary.totalOutput,
    total_output_tokens_retokenized: facts.retokenized,
    request_throughput: summary.requestThroughput,
    input_throughput: summary.inputThroughput,
    output_throughput: summary.outputThroughput,
    total_throughput: summary.totalThroughput,
    max_output_tokens_per_s: summary.peakOutputThroughput,
    max_concurrent_requests: summary.peakConcurrency,
    ...spreadKeys('e2e_latency_ms', summary.e2e),
    ...spreadKeys('ttft_ms', summary.ttft),
    ...spreadKeys('tpot_ms', summary.tpot),
    ...spreadKeys('itl_ms', summary.itl),
    concurrency: summary.concurrency,
    accept_length: facts.acceptLength,
    ...(options.outputDetails ? details(results) : {}),
  };
}

function spreadKeys(name: string, spread: Spread): Record<string, number> {
  return Object.fromEntries(
    Object.entries(spread).map(([key, value]) => [`${key}_${name}`, value as number]),
  );
}

/** One entry for each request; times in seconds, as SGLang's client writes them. */
function details(results: readonly RequestResult[]): Record<string, unknown> {
  return {
    input_lens: results.map(({ promptLen }) => promptLen),
    output_lens: results.map(({ outputLen }) => outputLen),
    ttfts: results.map(({ ttft }) => ttft / 1000),
    itls: results.map(({ itl }) => itl.map((gap) => gap / 1000)),
    generated_texts: results.map(({ text }) => text),
    errors: results.map(({ error }) => error ?? ''),
  };
}
