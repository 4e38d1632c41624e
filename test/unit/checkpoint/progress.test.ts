import { bytesText, DownloadProgress } from '../../../src/checkpoint/download/progress';
import { captureLog } from '../capture-log';

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

test('a line after a second, then more and more rarely, until it is over', () => {
  jest.useFakeTimers();
  const lines = captureLog();
  const progress = new DownloadProgress('org/model');
  jest.advanceTimersByTime(1_000);
  progress.expect(1e9);
  for (let second = 1; second <= 40; second++) {
    progress.add(20e6);
    jest.advanceTimersByTime(1_000);
  }
  expect(lines).toEqual([
    'Downloading org/model: 0 B, 0 B/s',
    'Downloading org/model: 40.0 MB of 1.0 GB (4%), 20.0 MB/s',
    'Downloading org/model: 120.0 MB of 1.0 GB (12%), 20.0 MB/s',
    'Downloading org/model: 280.0 MB of 1.0 GB (28%), 20.0 MB/s',
    'Downloading org/model: 480.0 MB of 1.0 GB (48%), 20.0 MB/s',
    'Downloading org/model: 680.0 MB of 1.0 GB (68%), 20.0 MB/s',
  ]);
  progress.stop();
  jest.advanceTimersByTime(60_000);
  expect(lines).toHaveLength(6);
});

test('sizes', () => {
  expect([0, 999, 1000, 1_234_567, 7e9, 5e14, 5e16].map(bytesText)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '1.2 MB',
    '7.0 GB',
    '500.0 TB',
    '50000.0 TB',
  ]);
});
