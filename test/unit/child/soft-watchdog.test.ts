import { SoftWatchdog } from '../../../src/child/soft-watchdog';
import { captureLog } from '../capture-log';

let lines: string[];
beforeEach(() => {
  lines = captureLog((level, message) => `${level}: ${message}`);
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
