import type { RequestResult } from './reply-meter';

/** Figures of one kind of time span, in milliseconds; all 0 when there was none. */
export interface Spread {
  readonly mean: number;
  readonly median: number;
  readonly std: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** A run in figures. Throughputs are per second of `duration`. */
export interface Summary {
  /** Seconds. */
  readonly duration: number;
  readonly completed: number;
  readonly failed: number;
  readonly totalInput: number;
  readonly totalOutput: number;
  readonly requestThroughput: number;
  readonly inputThroughput: number;
  readonly outputThroughput: number;
  readonly totalThroughput: number;
  /** Most tokens that arrived within one second of the run. */
  readonly peakOutputThroughput: number;
  /** Most requests that were in progress at a time. */
  readonly peakConcurrency: number;
  /** Requests in progress, averaged over the run. */
  readonly concurrency: number;
  readonly e2e: Spread;
  readonly ttft: Spread;
  /** Time per output token after the first, averaged within each request. */
  readonly tpot: Spread;
  readonly itl: Spread;
}

/** @param duration seconds from the first request to the end of the last */
export function summarize(results: readonly RequestResult[], duration: number): Summary {
  const done = results.filter(({ error }) => error === null);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const totalInput = sum(done.map(({ promptLen }) => promptLen));
  const totalOutput = sum(done.map(({ outputLen }) => outputLen));
  const perSecond = (value: number) => (duration > 0 ? value / duration : 0);
  return {
    duration,
    completed: done.length,
    failed: results.length - done.length,
    totalInput,
    totalOutput,
    requestThroughput: perSecond(done.length),
    inputThroughput: perSecond(totalInput),
    outputThroughput: perSecond(totalOutput),
    totalThroughput: perSecond(totalInput + totalOutput),
    peakOutputThroughput: peakOutputThroughput(done),
    peakConcurrency: peakConcurrency(done),
    concurrency: perSecond(sum(done.map(({ latency }) => latency)) / 1000),
    e2e: spread(done.map(({ latency }) => latency)),
    ttft: spread(done.map(({ ttft }) => ttft)),
    tpot: spread(
      done
        .filter(({ outputLen }) => outputLen > 1)
        .map(({ latency, ttft, outputLen }) => (latency - ttft) / (outputLen - 1)),
    ),
    itl: spread(done.flatMap(({ itl }) => itl)),
  };
}

export function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { mean: 0, median: 0, std: 0, p90: 0, p95: 0, p99: 0, max: 0 };
  const sorted = Float64Array.from(values).sort();
  const mean = sorted.reduce((total, value) => total + value, 0) / sorted.length;
  const variance = sorted.reduce((total, value) => total + (value - mean) ** 2, 0) / sorted.length;
  return {
    mean,
    median: percentile(sorted, 50),
    std: Math.sqrt(variance),
    p90: percentile(sorted, 90),
    p95: percentile(sorted, 95),
    p99: percentile(sorted, 99),
    max: percentile(sorted, 100),
  };
}

/**
 * The value below which `percent` of the values lie, interpolated between neighbours (NumPy's default).
 * @param sorted ascending, not empty
 */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const place = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(place);
  const low = sorted[below] ?? NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? NaN;
  return low + (high - low) * (place - below);
}

function peakOutputThroughput(results: readonly RequestResult[]): number {
  const first = results.reduce((earliest, { startedAt }) => Math.min(earliest, startedAt), Infinity);
  const tokens: number[] = [];
  const add = (at: number, count: number) => {
    const second = Math.floor((at - first) / 1000);
    tokens[second] = (tokens[second] ?? 0) + count;
  };
  for (const { startedAt, ttft, itl, outputLen } of results) {
    let at = startedAt + ttft;
    add(at, outputLen - itl.length);
    for (const gap of itl) add((at += gap), 1);
  }
  return tokens.reduce((most, count) => Math.max(most, count), 0);
}

function peakConcurrency(results: readonly RequestResult[]): number {
  const changes = results.flatMap(({ startedAt, latency }) => [
    { at: startedAt, by: 1 },
    { at: startedAt + latency, by: -1 },
  ]);
  // An end comes before a beginning at the same moment.
  changes.sort((a, b) => a.at - b.at || a.by - b.by);
  let running = 0;
  let most = 0;
  for (const { by } of changes) {
    running += by;
    most = Math.max(most, running);
  }
  return most;
}
