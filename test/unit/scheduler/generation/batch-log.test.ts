import { logger } from '../../../../src/logging/logger';
import { BatchLog } from '../../../../src/scheduler/generation/batch-log';

afterEach(() => jest.useRealTimers());

const gauges = { running: 4, queued: 0, usedTokens: 10, totalTokens: 100 };

it.each([
  ['True', 4],
  ['False', 3],
  ['False', 0],
])('says %s of a batch of four when batches up to %i were captured', (said, largest) => {
  const info = jest.spyOn(logger, 'info').mockReturnValue(logger);
  new BatchLog('cpu graph', 1, largest).decode(gauges, gauges.running);
  expect(info.mock.calls).toEqual([[expect.stringContaining(`cpu graph: ${said}, gen throughput`)]]);
  info.mockRestore();
});

it('tells the throughput of the last interval, until nothing has been decoded for half a minute', () => {
  jest.useFakeTimers();
  const info = jest.spyOn(logger, 'info').mockReturnValue(logger);
  const log = new BatchLog('cpu graph', 2, 0);
  log.decode(gauges, gauges.running);
  jest.advanceTimersByTime(1000);
  log.decode(gauges, gauges.running);
  expect(log.genThroughput).toBe(8);
  jest.advanceTimersByTime(60_000);
  expect(log.genThroughput).toBe(8);
  log.whenIdle();
  jest.advanceTimersByTime(20_000);
  log.whenIdle();
  expect(log.genThroughput).toBe(8);
  jest.advanceTimersByTime(11_000);
  expect(log.genThroughput).toBe(0);
  info.mockRestore();
});

it('tells the cached share of the last prefill batch, until a decode line is written', () => {
  const info = jest.spyOn(logger, 'info').mockReturnValue(logger);
  const log = new BatchLog('cpu graph', 2, 0);
  log.prefill(1, 30, 10, gauges);
  expect(log.cacheHitRate).toBe(0.25);
  log.decode(gauges, gauges.running);
  expect(log.cacheHitRate).toBe(0.25);
  log.decode(gauges, gauges.running);
  expect(log.cacheHitRate).toBe(0);
  info.mockRestore();
});
