/** @jest-environment ./test/shared-realm-environment.cjs */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { PullQueue, PushQueue } from '../../../src/ipc/queues';
import type { SchedulerMsg } from '../../../src/ipc/messages';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'queues-'))));
afterEach(() => rmSync(directory, { recursive: true }));

it('reports every message that a closed queue refuses', async () => {
  const errors: unknown[] = [];
  const queue = new PushQueue<SchedulerMsg>(`ipc://${join(directory, 'nobody')}`, (error) =>
    errors.push(error),
  );
  queue.close();
  for (const count of [1, 2, 3]) {
    queue.put({ type: 'abort_all' });
    await setImmediate();
    expect(errors).toHaveLength(count);
  }
});

it('delivers in order what was put before the receiver was there', async () => {
  const endpoint = `ipc://${join(directory, 'inbox')}`;
  const sender = new PushQueue<SchedulerMsg>(endpoint, (error) => {
    throw error;
  });
  const rids = Array.from({ length: 100 }, (_, i) => String(i));
  for (const rid of rids) sender.put({ type: 'abort', rid });
  const inbox = await PullQueue.bind('scheduler', endpoint);
  const received: string[] = [];
  const done = inbox.consume(
    (message) => {
      if (message.type === 'abort') received.push(message.rid);
      if (received.length === rids.length) inbox.close();
    },
    ({ reason }) => {
      throw new Error(reason);
    },
  );
  await done;
  expect(received).toEqual(rids);
  sender.close();
});

it('hands over at one moment what was put at one moment', async () => {
  const endpoint = `ipc://${join(directory, 'inbox')}`;
  const sender = new PushQueue<SchedulerMsg>(endpoint, (error) => {
    throw error;
  });
  for (const rid of ['a', 'b', 'c']) sender.put({ type: 'abort', rid });
  const inbox = await PullQueue.bind('scheduler', endpoint);
  let received = 0;
  let atOnce = 0;
  await inbox.consume(
    () => {
      received += 1;
      if (received === 1) queueMicrotask(() => (atOnce = received));
      if (received === 3) inbox.close();
    },
    ({ reason }) => {
      throw new Error(reason);
    },
  );
  expect(atOnce).toBe(3);
  sender.close();
});

it('drops a malformed message and goes on', async () => {
  const endpoint = `ipc://${join(directory, 'inbox')}`;
  const sender = new PushQueue<{ type: string; rid?: number | string }>(endpoint, (error) => {
    throw error;
  });
  sender.put({ type: 'abort', rid: 5 });
  sender.put({ type: 'abort', rid: 'five' });
  const inbox = await PullQueue.bind('scheduler', endpoint);
  const received: SchedulerMsg[] = [];
  const dropped: unknown[] = [];
  await inbox.consume(
    (message) => {
      received.push(message);
      inbox.close();
    },
    (invalid) => dropped.push(invalid),
  );
  expect(received).toEqual([{ type: 'abort', rid: 'five' }]);
  expect(dropped).toEqual([{ reason: 'malformed message of type abort', requests: [], callId: null }]);
  sender.close();
});
