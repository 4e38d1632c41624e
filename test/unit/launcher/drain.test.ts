import { drain, drainLimits, reasonNotToDrain, type Workload } from '../../../src/launcher/drain';
import { captureLog } from '../capture-log';

let lines: string[];

beforeEach(() => {
  lines = captureLog((level, message) => `${level}: ${message}`);
});
afterEach(() => jest.restoreAllMocks());

/** Work that ends when the polls given have been counted down. */
class CountedWork implements Workload {
  aborted = false;

  constructor(
    private requests: number,
    private replies: number,
    private readonly endsOnAbort = true,
  ) {}

  pendingRids(): string[] {
    const left = this.requests > 0 ? this.requests-- : 0;
    return Array.from({ length: Math.min(left, 2) }, (_, i) => `r${i}`);
  }

  openReplies(): number {
    return this.replies > 0 ? this.replies-- : 0;
  }

  abortAll(): void {
    this.aborted = true;
    if (this.endsOnAbort) this.requests = this.replies = 0;
  }
}

const LIMITS = { finishMs: 10_000, abortMs: 10_000, logMs: 10_000 };

test('an idle server has nothing to wait for', async () => {
  const work = new CountedWork(0, 0);
  await drain(work, { finishMs: 0, abortMs: 0, logMs: 0 });
  expect(work.aborted).toBe(false);
  expect(lines).toEqual([]);
});

test('waits for requests and then for replies on their way', async () => {
  const work = new CountedWork(3, 3);
  await drain(work, LIMITS);
  expect(work.aborted).toBe(false);
  expect([work.pendingRids(), work.openReplies()]).toEqual([[], 0]);
});

test('names the requests it still waits for', async () => {
  await drain(new CountedWork(4, 0), { ...LIMITS, logMs: 0 });
  expect(lines[0]).toBe(
    "info: Gracefully exiting... Remaining number of requests 2. Remaining requests remaining_rids=['r0', 'r1'].",
  );
});

test('aborts what is not finished in time and lets the clients be told', async () => {
  const work = new CountedWork(1e9, 1e9);
  await drain(work, { ...LIMITS, finishMs: 30 });
  expect(work.aborted).toBe(true);
  expect(lines).toEqual(['warning: The drain time of 0.03 s is over. Aborting 2 requests.']);
});

test('gives up what even an abort does not end', async () => {
  await drain(new CountedWork(1e9, 1e9, false), { finishMs: 0, abortMs: 30, logMs: 10_000 });
  expect(lines[1]).toMatch(/^warning: Giving up 2 requests and \d+ open replies\.$/);
});

test.each([
  [undefined, 20_000],
  ['', 20_000],
  ['-1', 20_000],
  ['0', 0],
  ['1.5', 1_500],
])('SGLANG_DRAIN_TIMEOUT=%j is %d ms', (value, expected) => {
  expect(drainLimits(20, { SGLANG_DRAIN_TIMEOUT: value }).finishMs).toBe(expected);
});

test.each([
  [true, {}, null],
  [false, {}, 'health check failed'],
  [true, { SGL_FORCE_SHUTDOWN: 'true' }, 'force shutdown flag set'],
  [true, { SGLANG_FORCE_SHUTDOWN: '1' }, 'force shutdown flag set'],
  [true, { SGLANG_FORCE_SHUTDOWN: 'false' }, null],
])('with a responsive scheduler %j and %j the reason not to wait is %j', (isResponsive, env, reason) => {
  expect(reasonNotToDrain(isResponsive, env)).toBe(reason);
});
