import { setTimeout as sleep } from 'node:timers/promises';
import {
  expectClean,
  generate,
  greedy,
  outcome,
  plain,
  promptIds,
  Stream,
  streamed,
  type Reply,
} from './client';
import { launch, type Server } from './harness';

/** Python's `list[:end]`, but all of it for 0. */
const slice = (ids: number[], end: number) => (end === 0 ? ids : ids.slice(0, end));

async function open(server: Server, more: object = {}): Promise<string> {
  const reply = await server.post('/open_session', { capacity_of_str_len: 1000, ...more });
  expect(reply.status).toBe(200);
  return (await reply.json()) as string;
}

const close = (server: Server, session_id: string) => server.post('/close_session', { session_id });

/** A turn that must go well. */
const say = (server: Server, input_ids: number[], session_params: object, params: object = greedy(12)) =>
  generate(server, { input_ids, sampling_params: params, session_params });

/** The same context as one request without a session. */
const whole = (server: Server, input_ids: number[], params: object = greedy(12)) =>
  generate(server, { input_ids, sampling_params: params });

describe.each([
  ['with the prefix cache', []],
  ['without it', ['--disable-radix-cache']],
  ['with several schedulers', ['--dp-size', '2', '--load-balance-method', 'round_robin']],
])('sessions %s', (_name, flags: string[]) => {
  let server: Server;
  beforeAll(async () => void (server = await launch(flags)));
  afterEach(() => expectClean(server));
  const caches = !flags.includes('--disable-radix-cache');

  test('a turn is what the same context sent whole is, in branches, from offsets, streamed or not', async () => {
    const id = await open(server);
    const contexts = new Map<string, number[]>();
    let rid: string | null = null;
    for (const [i, { from, offset = 0, drop = false, stream = false }] of [
      {},
      {},
      { stream: true },
      { offset: -1 },
      { from: 1, offset: 30 },
      { from: 1, stream: true },
      { from: 0, drop: true },
      { offset: 9999 },
    ].entries() as Iterable<[number, { from?: number; offset?: number; drop?: boolean; stream?: boolean }]>) {
      const parent: string | null = from === undefined ? rid : `turn-${from}`;
      const own = promptIds(10 + i, i);
      const body = {
        input_ids: own,
        rid: `turn-${i}`,
        sampling_params: greedy(12),
        session_params: { id, rid: parent, offset, drop_previous_output: drop },
      };
      const reply: Reply = stream
        ? ((await streamed(server, body)).at(-1) as Reply)
        : await generate(server, body);
      const before = parent === null ? [] : (contexts.get(parent) ?? []);
      const kept = slice(drop ? before.slice(0, before.length - 12) : before, offset);
      const prompt = [...kept, ...own];
      // All that was run before is there; the last token that was generated was not.
      if (caches) expect(reply.meta_info.cached_tokens).toBeGreaterThanOrEqual(Math.max(0, kept.length - 1));
      else expect(reply.meta_info.cached_tokens).toBe(0);
      expect(outcome(reply)).toEqual(outcome(await whole(server, prompt)));
      contexts.set(`turn-${i}`, [...prompt, ...reply.output_ids]);
      rid = `turn-${i}`;
    }
    await close(server, id);
  });

  test('a turn that ended at a stop string ends there for the next one, too', async () => {
    const id = await open(server);
    const first = await whole(server, promptIds(20), greedy(40));
    const stop = first.text.slice(10, 14);
    const cut = await say(server, promptIds(20), { id }, greedy(40, { stop }));
    expect(cut.meta_info.finish_reason).toEqual({ type: 'stop', matched: stop });
    expect(cut.output_ids.length).toBeLessThan(40);
    const next = await say(server, promptIds(5, 3), { id, rid: cut.meta_info.id });
    const context = [...promptIds(20), ...cut.output_ids, ...promptIds(5, 3)];
    expect(outcome(next)).toEqual(outcome(await whole(server, context)));
  });

  test('what runs is cut off where it is replaced, and gone on from', async () => {
    const id = await open(server);
    // Others take their share of each step, so that it is still running when it is replaced, however late that is.
    const leave = new AbortController();
    const others = {
      input_ids: Array.from({ length: 12 }, () => promptIds(8)),
      sampling_params: greedy(1900),
    };
    const left = server.post('/generate', others, { signal: leave.signal }).catch(() => undefined);
    const body = { input_ids: promptIds(20), sampling_params: greedy(1900), session_params: { id } };
    const stream = await Stream.open(server, body);
    const { meta_info } = await stream.until(({ output_ids }) => output_ids.length > 30);
    const appended = await server.post('/generate', {
      input_ids: [5],
      session_params: { id, rid: meta_info.id },
    });
    expect([appended.status, await appended.text()]).toEqual([
      400,
      `{"error":{"message":"Session request is appending to a request that hasn't finished."}}`,
    ]);
    const [next, last] = await Promise.all([
      say(server, promptIds(6, 1), { id, rid: meta_info.id, replace: true, offset: 45 }),
      stream.rest(),
    ]);
    expect(last.meta_info.finish_reason?.type).toBe('abort');
    expect(last.output_ids.length).toBeLessThan(1900);
    leave.abort();
    await left;
    const context = [...[...promptIds(20), ...last.output_ids].slice(0, 45), ...promptIds(6, 1)];
    expect(outcome(next)).toEqual(outcome(await whole(server, context)));
  });

  test('what is gone is refused: a replaced turn, a closed session', async () => {
    const id = await open(server);
    const root = (await say(server, promptIds(8), { id })).meta_info.id;
    const old = (await say(server, promptIds(8, 1), { id, rid: root, replace: true })).meta_info.id;
    await say(server, promptIds(8, 2), { id, rid: root, replace: true });
    const gone = await server.post('/generate', { input_ids: [5], session_params: { id, rid: old } });
    expect([gone.status, await gone.text()]).toEqual([
      400,
      expect.stringContaining('Invalid request session id'),
    ]);
    expect((await server.post('/open_session', { capacity_of_str_len: 1, session_id: id })).status).toBe(400);
    expect(await plain(close(server, id))).toEqual({ status: 200, text: '' });
    expect(await plain(close(server, id))).toEqual({ status: 200, text: '' });
    const closed = await plain(
      server.post('/generate', { input_ids: [5], session_params: { id, rid: root } }),
    );
    expect(closed).toEqual({
      status: 400,
      text: `{"error":{"message":"Invalid request: session id ${id} does not exist"}}`,
    });
  });
});

describe('sessions', () => {
  test('outlive what happens to their keys and values: a flush, a retraction', async () => {
    const server = await launch(['--max-total-tokens', '700', '--schedule-conservativeness', '0.1']);
    const id = await open(server);
    const first = await say(server, promptIds(40), { id });
    await expectClean(server);
    const context = [...promptIds(40), ...first.output_ids, ...promptIds(10, 1)];
    const second = await say(server, promptIds(10, 1), { id, rid: first.meta_info.id });
    expect(second.meta_info.cached_tokens).toBe(0);
    expect(outcome(second)).toEqual(outcome(await whole(server, context)));

    // Together they need more than there is; none begins before all are there.
    await server.post('/pause_generation', { mode: 'in_place' });
    const asked = Promise.all(
      [1, 2, 3, 4].map((seed) =>
        say(server, promptIds(10, seed), { id, rid: first.meta_info.id }, greedy(240)),
      ),
    );
    while (!server.stderr.includes('#queue-req: 4')) await server.post('/flush_cache', {});
    await server.post('/continue_generation', {});
    const turns = await asked;
    expect(Math.max(...turns.map(({ meta_info }) => meta_info.total_retractions))).toBeGreaterThan(0);
    const seeds = [1, 2, 3, 4].entries();
    for (const [i, seed] of seeds) {
      const turn = turns[i] as Reply;
      const before = [...promptIds(40), ...first.output_ids, ...promptIds(10, seed)];
      expect(outcome(turn)).toEqual(outcome(await whole(server, before, greedy(240))));
      const next = await say(server, [7], { id, rid: turn.meta_info.id });
      expect(outcome(next)).toEqual(outcome(await whole(server, [...before, ...turn.output_ids, 7])));
    }
    await expectClean(server);
  });

  test('stay with one scheduler, also where requests take turns', async () => {
    const server = await launch(['--dp-size', '2', '--load-balance-method', 'round_robin']);
    const id = await open(server);
    let { meta_info, output_ids } = await say(server, promptIds(50), { id });
    let length = 50;
    for (let turn = 1; turn < 6; turn++) {
      length += output_ids.length;
      ({ meta_info, output_ids } = await say(server, promptIds(10, turn), { id, rid: meta_info.id }));
      expect(meta_info.cached_tokens).toBe(length - 1);
      length += 10;
    }
    await expectClean(server);
  });

  test('are closed when they were idle for their time', async () => {
    const server = await launch();
    const id = await open(server, { timeout: 0.5 });
    await say(server, promptIds(10), { id });
    await server.logged(`Session ${id} timed out, closing.`);
    expect((await server.post('/generate', { input_ids: [5], session_params: { id } })).status).toBe(400);
  });

  test('stream: each request goes on from the last that succeeded', async () => {
    const server = await launch(['--enable-streaming-session']);
    const id = await open(server, { streaming: true });
    let context: number[] = [];
    for (let turn = 0; turn < 4; turn++) {
      const own = promptIds(15, turn);
      // One that is cut off leaves no trace.
      const stream = await Stream.open(server, {
        input_ids: promptIds(9, 50),
        sampling_params: greedy(1000),
        session_params: { id },
      });
      await stream.until();
      const busy = await plain(server.post('/generate', { input_ids: own, session_params: { id } }));
      expect(busy.text).toContain('Streaming session already has an active request.');
      stream.drop();
      await expectClean(server);
      const reply = await sayWhenFree(server, own, { id });
      expect(outcome(reply)).toEqual(outcome(await whole(server, [...context, ...own])));
      context = [...context, ...own, ...reply.output_ids];
    }
  });
});

/** A session learns of a request's end a moment after the scheduler is done with it. */
async function sayWhenFree(...args: Parameters<typeof say>): ReturnType<typeof say> {
  for (;;) {
    try {
      return await say(...args);
    } catch (error) {
      if (!String(error).includes('already has an active request')) throw error;
      await sleep(10);
    }
  }
}
