import { percentile, spread, summarize } from '../../../bench/serving/metrics';
import type { RequestResult } from '../../../bench/serving/reply-meter';
import { ReplyMeter } from '../../../bench/serving/reply-meter';

const result = (values: Partial<RequestResult>): RequestResult => ({
  error: null,
  promptLen: 10,
  outputLen: 3,
  startedAt: 5000,
  latency: 300,
  ttft: 100,
  itl: [100, 100],
  text: '',
  ...values,
});

describe('percentile', () => {
  it('interpolates between neighbours', () => {
    expect(percentile([7], 99)).toBe(7);
    expect(percentile([1, 2, 3, 4], 50)).toBe(2.5);
    expect(percentile([1, 2, 3, 4, 5], 90)).toBeCloseTo(4.6);
    expect(percentile([1, 2, 3, 4, 5], 0)).toBe(1);
    expect(percentile([1, 2, 3, 4, 5], 100)).toBe(5);
  });
});

describe('spread', () => {
  it('orders numbers by value', () => {
    expect(spread([10, 9, 1, 100])).toMatchObject({ mean: 30, median: 9.5, max: 100 });
    expect(spread([2, 4, 4, 4, 5, 5, 7, 9]).std).toBeCloseTo(2);
  });

  it('of nothing is zero', () => {
    expect(new Set(Object.values(spread([])))).toEqual(new Set([0]));
  });
});

describe('summarize', () => {
  it('counts what succeeded', () => {
    const results = [
      result({}),
      result({ startedAt: 6000, latency: 500, ttft: 200, outputLen: 4, itl: [50, 50, 200] }),
      result({ error: 'refused', promptLen: 1000, outputLen: 1000, latency: 9999 }),
    ];
    const summary = summarize(results, 2);
    expect(summary).toMatchObject({ completed: 2, failed: 1, totalInput: 20, totalOutput: 7 });
    expect(summary).toMatchObject({ requestThroughput: 1, inputThroughput: 10, outputThroughput: 3.5 });
    expect(summary.totalThroughput).toBe(13.5);
    expect(summary.concurrency).toBeCloseTo(0.4);
    expect(summary.e2e.mean).toBe(400);
    expect(summary.ttft.max).toBe(200);
    expect(summary.tpot.mean).toBe(100);
    expect(summary.itl.max).toBe(200);
    expect(summary.itl.median).toBe(100);
  });

  it('leaves requests of one token out of the time per token', () => {
    const one = result({ outputLen: 1, itl: [], latency: 100 });
    expect(summarize([one], 1).tpot.max).toBe(0);
    expect(summarize([one, result({})], 1).tpot.mean).toBe(100);
  });

  it('finds the busiest second', () => {
    const results = [
      result({ startedAt: 5000, latency: 1500, ttft: 100, outputLen: 3, itl: [100, 1200] }),
      result({ startedAt: 6100, latency: 500, ttft: 100, outputLen: 5, itl: [100, 100] }),
    ];
    // First second: 2 tokens. Second: the third token of the first request, and 3 + 2 of the second.
    expect(summarize(results, 2)).toMatchObject({ peakOutputThroughput: 6, peakConcurrency: 2 });
  });

  it('finds the moment with most requests in progress', () => {
    const spans = [
      [0, 100],
      [50, 200],
      [200, 50],
      [210, 20],
      [250, 10],
    ] as const;
    const results = spans.map(([startedAt, latency]) => result({ startedAt, latency }));
    expect(summarize(results, 1).peakConcurrency).toBe(3);
  });

  it('of nothing is zero', () => {
    expect(summarize([], 0)).toMatchObject({ completed: 0, requestThroughput: 0, peakConcurrency: 0 });
  });
});

describe('ReplyMeter', () => {
  it('shares the wait for tokens that come together', () => {
    const meter = new ReplyMeter(1000);
    meter.note(2, 1100);
    meter.note(2, 1150);
    meter.note(3, 1200);
    meter.note(5, 1300);
    expect(meter.ttft).toBe(100);
    expect(meter.itl).toEqual([100, 50, 50]);
    expect(meter.count).toBe(5);
  });
});
