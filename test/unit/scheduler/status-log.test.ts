import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStatusLog } from '../../../src/scheduler/status-log';

const RIDS = { running: ['a', 'b'], queued: ['c'] };

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'status-'))));
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
  delete process.env['SGLANG_LOG_SCHEDULER_STATUS_TARGET'];
  delete process.env['SGLANG_LOG_SCHEDULER_STATUS_INTERVAL'];
});

function lines(): unknown[] {
  const text = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  return text
    .join('')
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}

test('writes with the first batch, and then once an interval', () => {
  process.env['SGLANG_LOG_SCHEDULER_STATUS_TARGET'] = folder;
  process.env['SGLANG_LOG_SCHEDULER_STATUS_INTERVAL'] = '2';
  const clock = jest.spyOn(performance, 'now');
  const afterBatch = openStatusLog(3, () => RIDS);
  for (const ms of [100, 200, 2_050, 2_100, 2_200, 9_000]) {
    clock.mockReturnValue(ms);
    afterBatch();
  }
  const line = {
    timestamp: expect.stringMatching(/^\d{4}-/) as string,
    event: 'scheduler.status',
    rank: 3,
    running_rids: ['a', 'b'],
    queued_rids: ['c'],
  };
  expect(lines()).toEqual([line, line, line]);
});

test('writes nothing unless asked to, and does not look', () => {
  const look = jest.fn(() => RIDS);
  openStatusLog(0, look)();
  expect(look).not.toHaveBeenCalled();
  expect(readdirSync(folder)).toEqual([]);
});
