import { logger } from '../../../../src/logging/logger';
import { BatchLog } from '../../../../src/scheduler/generation/batch-log';
import { AcceptanceMeter } from '../../../../src/scheduler/speculation/acceptance-meter';

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

it('tells what was accepted of drafts since the line before', () => {
  const info = jest.spyOn(logger, 'info').mockReturnValue(logger);
  const meter = new AcceptanceMeter();
  const log = new BatchLog('cpu graph', 2, 0, meter);
  const step = (accepted: number) => {
    meter.count(4, accepted);
    log.decode(gauges, 1 + accepted);
  };
  for (const accepted of [3, 2, 1, 0]) step(accepted);
  expect(info.mock.calls.map(([line]) => /accept.*graph/.exec(JSON.stringify(line))?.[0])).toEqual([
    'accept len: 3.50, accept rate: 0.63, cpu graph',
    'accept len: 1.50, accept rate: 0.13, cpu graph',
  ]);
  info.mockRestore();
});
