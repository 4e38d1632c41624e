/** @jest-environment ./test/shared-realm-environment.cjs */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PushQueue } from '../../src/ipc/queues';
import { generate, greedy, promptIds, Stream } from './client';
import { launch, type Server } from './harness';

/** Messages between the processes that no process can read: nobody waits for what was in them, and nobody else notices. */

let server: Server;
const open: PushQueue<{ type: string }>[] = [];
beforeAll(async () => void (server = await launch()));
afterAll(() => open.forEach((queue) => queue.close()));

/** Sends a message to an inbox of the server, as one of its processes would. */
function send(inbox: 'scheduler-0' | 'detokenizer' | 'tokenizer-manager', message: { type: string }): void {
  const [directory] = readdirSync(server.tmp).filter((name) => name.startsWith('sglang-'));
  const queue = new PushQueue<{ type: string }>(
    `ipc://${join(server.tmp, directory ?? '', inbox)}`,
    (error) => {
      throw error;
    },
  );
  open.push(queue);
  queue.put(message);
}

const long = (rid: string) => ({ rid, input_ids: promptIds(20), sampling_params: greedy(1900) });

test.each([
  ['scheduler-0', (rid: string) => ({ type: 'generate', rid, inputIds: 'none' })],
  [
    'detokenizer',
    (rid: string) => ({ type: 'token_outputs', rank: 0, outputs: [{ rid, finish: null, newIds: 'none' }] }),
  ],
  [
    'tokenizer-manager',
    (rid: string) => ({ type: 'text_outputs', rank: 0, outputs: [{ rid, finish: null, text: 5 }] }),
  ],
] as const)('one that reaches the %s ends its request', async (inbox, message) => {
  const [stream, other] = [
    await Stream.open(server, long('mine')),
    await Stream.open(server, { ...long('other'), sampling_params: greedy(600) }),
  ];
  await stream.until();
  send(inbox, message('mine'));
  const last = await stream.rest();
  expect(last.meta_info.finish_reason).toMatchObject({ type: 'abort', status_code: 500 });
  expect(last.meta_info.completion_tokens).toBeLessThan(1900);
  // The other is none the worse, the memory is given back, and so is the name.
  const undisturbed = await other.rest();
  expect(undisturbed.meta_info.completion_tokens).toBe(600);
  const flushed = await server.fetch('/flush_cache?timeout=20', { method: 'POST' });
  expect(flushed.status).toBe(200);
  const again = await generate(server, { ...long('mine'), sampling_params: greedy(3) });
  expect(again.output_ids).toEqual(undisturbed.output_ids.slice(0, 3));
  await server.logged(`Dropped a message: malformed message of type ${message('').type}`);
  expect(server.stderr).not.toContain('memory leak detected');
});

test('a server goes on after what is no message at all', async () => {
  for (const inbox of ['scheduler-0', 'detokenizer', 'tokenizer-manager'] as const) {
    send(inbox, { type: 5 } as unknown as { type: string });
  }
  await server.logged('message of type 5');
  expect((await generate(server, { ...long('r'), sampling_params: greedy(4) })).output_ids).toHaveLength(4);
});
