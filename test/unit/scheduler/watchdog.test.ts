import { logger } from '../../../src/logging/logger';
import { startWatchdog } from '../../../src/scheduler/watchdog';

beforeEach(() => {
  jest.useFakeTimers();
  jest.spyOn(logger, 'error').mockImplementation(() => logger);
  jest.spyOn(logger, 'info').mockImplementation(() => logger);
});
afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

it('warns once for each slow batch at the soft limit', () => {
  let busy = 0;
  const stop = startWatchdog(() => busy, 300, 2);
  busy = 3000;
  jest.advanceTimersByTime(5000);
  expect(logger.error).toHaveBeenCalledTimes(1);
  busy = 10;
  jest.advanceTimersByTime(2000);
  busy = 3000;
  jest.advanceTimersByTime(2000);
  expect(logger.error).toHaveBeenCalledTimes(2);
  stop();
});

it('throws at the hard limit, for whoever watches the process', () => {
  const stop = startWatchdog(() => 301_000, 300, null);
  expect(() => jest.advanceTimersByTime(2000)).toThrow(/watchdog_timeout=300, self.soft=False/);
  stop();
});

it('is quiet while batches are quick, and once stopped', () => {
  const stop = startWatchdog(() => 100, 1, 1);
  jest.advanceTimersByTime(10_000);
  stop();
  expect(logger.error).not.toHaveBeenCalled();
  expect(jest.getTimerCount()).toBe(0);
});
