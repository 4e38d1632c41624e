import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestError } from '../../src/core/errors';
import { logger } from '../../src/logging/logger';
import type { Preparation } from '../../src/scheduler/generation/preparation';
import type { Request } from '../../src/scheduler/generation/request';
import { CHECKPOINTS, Engine } from './support';

interface Work {
  readonly finish: () => void;
  readonly fail: (error: Error) => void;
  /** Fires when the work is in vain. */
  readonly signal: AbortSignal;
}

/** Requests whose name begins with "slow" are ready when the test says so; nobody else needs anything. */
class Slow implements Preparation {
  private readonly open = new Map<string, Work>();

  isNeeded({ rid }: Request): boolean {
    return rid.startsWith('slow');
  }

  prepare({ rid }: Request, signal: AbortSignal): Promise<void> {
    if (rid === 'slow to throw') throw new Error('out of paper');
    return new Promise((finish, fail) => this.open.set(rid, { finish, fail, signal }));
  }

  /** Waits until the request has reached the stage. */
  async work(rid: string): Promise<Work> {
    for (;;) {
      const work = this.open.get(rid);
      if (work !== undefined) return work;
      await sleep(1);
    }
  }
}

const ABORTED = { type: 'abort', message: 'Abort in waiting queue' };
const request = (rid: string) => ({ rid, prompt: [5, 6, 7], sampling: { maxNewTokens: 5 } });

let slow: Slow;
let engine: Engine;

async function start(...flags: string[]): Promise<void> {
  slow = new Slow();
  engine = await Engine.start(join(CHECKPOINTS, 'random-qwen2'), flags, undefined, { preparations: [slow] });
}

const flush = () => engine.call({ type: 'flush_cache' });
const flushed = (success: boolean) => ({ of: 'flush_cache', success });

afterEach(() => engine.close());

test('a request runs when it is ready, others meanwhile, with the same result', async () => {
  await start();
  const late = engine.generate(request('slow'));
  const { finish } = await slow.work('slow');
  const early = await engine.generate(request('quick'));
  expect(engine.scheduler.state).toMatchObject({ running: 0, queued: 1 });
  finish();
  expect((await late).ids).toEqual(early.ids);
  expect(engine.scheduler.state).toMatchObject({ running: 0, queued: 0 });
});

test.each([{ type: 'abort', rid: 'slow' } as const, { type: 'abort_all' } as const])(
  'an abort ends it and its preparation, and what comes of that afterwards is ignored: %j',
  async (message) => {
    await start();
    const result = engine.generate(request('slow'));
    const { finish, signal } = await slow.work('slow');
    engine.scheduler.receive(message);
    expect((await result).finish).toEqual(ABORTED);
    expect(signal.aborted).toBe(true);
    finish();
    await sleep(5);
    expect(engine.scheduler.state).toMatchObject({ forwardCount: 0, queued: 0 });
  },
);

test('the time it is prepared for counts as waiting time', async () => {
  process.env['SGLANG_REQ_WAITING_TIMEOUT'] = '0.05';
  await start().finally(() => delete process.env['SGLANG_REQ_WAITING_TIMEOUT']);
  const result = engine.generate(request('slow'));
  const { signal } = await slow.work('slow');
  await sleep(60);
  // What the process does once a second.
  engine.scheduler.nudge();
  expect((await result).finish).toMatchObject({
    status_code: 503,
    message: 'Request waiting timeout reached.',
  });
  expect(signal.aborted).toBe(true);
});

test.each(['in_place', 'retract'] as const)('goes on while paused (%s), and runs after', async (mode) => {
  await start();
  const result = engine.generate(request('slow'));
  const { finish } = await slow.work('slow');
  await engine.call({ type: 'pause', mode });
  finish();
  await sleep(5);
  expect(engine.scheduler.state).toMatchObject({ forwardCount: 0, queued: 1 });
  await engine.call({ type: 'continue' });
  expect((await result).finish).toEqual({ type: 'length', length: 5 });
});

test('ends when everything is aborted for a pause', async () => {
  await start();
  const result = engine.generate(request('slow'));
  const { signal } = await slow.work('slow');
  await engine.call({ type: 'pause', mode: 'abort' });
  expect((await result).finish).toEqual(ABORTED);
  expect(signal.aborted).toBe(true);
});

test('the cache is not flushed while a request is prepared', async () => {
  await start();
  const result = engine.generate(request('slow'));
  const { finish } = await slow.work('slow');
  expect(await flush()).toEqual(flushed(false));
  finish();
  await result;
  expect(await flush()).toEqual(flushed(true));
});

test('it has its place in a queue of limited length', async () => {
  await start('--max-queued-requests', '1');
  const result = engine.generate(request('slow'));
  const { finish } = await slow.work('slow');
  expect((await engine.generate(request('quick'))).finish).toMatchObject({ status_code: 503 });
  finish();
  expect((await result).finish.type).toBe('length');
});

test('a preparation that fails ends its request only', async () => {
  const errors = jest.spyOn(logger, 'error').mockReturnValue(logger);
  await start();
  const rids = ['slow and bad', 'slow and broken', 'slow to throw', 'slow'];
  const results = rids.map((rid) => engine.generate(request(rid)));
  (await slow.work('slow and bad')).fail(new RequestError('bad_value', 'no such grammar'));
  (await slow.work('slow and broken')).fail(new Error('out of ink'));
  (await slow.work('slow')).finish();
  const finishes = (await Promise.all(results)).map(({ finish }) => finish);
  expect(finishes).toMatchObject([
    { type: 'abort', status_code: 400, message: 'no such grammar' },
    { type: 'abort', status_code: 500, message: 'The request could not be prepared: out of ink' },
    { type: 'abort', status_code: 500, message: 'The request could not be prepared: out of paper' },
    { type: 'length' },
  ]);
  expect(errors).toHaveBeenCalledTimes(2);
  errors.mockRestore();
});
