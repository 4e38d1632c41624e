import { logger } from '../../../src/logging/logger';
import { SoftWatchdog } from '../../../src/supervisor/soft-watchdog';

const lines: string[] = [];
beforeEach(() => {
  lines.length = 0;
  jest.spyOn(logger, 'log').mockImplementation((...entry: unknown[]) => {
    lines.push(entry.slice(0, 2).join(': '));
    return logger;
  });
});
afterEach(() => jest.restoreAllMocks());

test('reports an event loop that was stuck longer than the timeout', async () => {
  const watchdog = new SoftWatchdog('TokenizerManager', 0.2);
  expect(lines).toEqual(['info: Watchdog TokenizerManager initialized.']);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  while (lines.length === 1) await new Promise((resolve) => setTimeout(resolve, 5));
  watchdog.stop();
  expect(lines[1]).toBe(
    'error: TokenizerManager watchdog timeout (self.watchdog_timeout=0.2, self.soft=True)',
  );
});
