import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  answer,
  expectClean,
  generate,
  generateAll,
  greedy,
  outcome,
  promptIds,
  Stream,
  type Reply,
} from './client';
import { launch, type Server } from './harness';

const ROWS = 4;
const TOKENS = 1900;
const STEPS_A_LINE = 10;

const long = (seed: number) => ({ input_ids: promptIds(40, seed), sampling_params: greedy(TOKENS) });
const short = { input_ids: promptIds(10, 99), sampling_params: greedy(3) };

const RUNNING_ABORT = { type: 'abort', message: 'Aborted', status_code: null, err_type: null };
const WAITING_ABORT = { type: 'abort', message: 'Abort in waiting queue' };

let server: Server;
beforeAll(async () => {
  server = await launch([
    '--max-running-requests',
    String(ROWS),
    '--decode-log-interval',
    String(STEPS_A_LINE),
  ]);
});

/** Decode steps so far, as the log counts them. */
function steps(): number {
  return (server.stderr.match(/Decode batch/g) ?? []).length * STEPS_A_LINE;
}

/** Runs `act` and checks that the server is done long before it could have computed everything. */
async function expectCutShort(act: () => Promise<void>): Promise<void> {
  const before = steps();
  await act();
  await expectClean(server);
  expect(steps() - before).toBeLessThan(TOKENS - 100);
  expect((await generate(server, short)).meta_info.completion_tokens).toBe(3);
}

describe('a client that leaves', () => {
  test('ends its stream', async () => {
    await expectCutShort(async () => {
      const stream = await Stream.open(server, long(1));
      await stream.until();
      stream.drop();
    });
  });

  test('ends what waits, runs and is yet to be tokenized, whole replies as well as streams', async () => {
    await expectCutShort(async () => {
      const streams = await Promise.all(
        Array.from({ length: 2 * ROWS }, (_, i) => Stream.open(server, long(i))),
      );
      await Promise.race(streams.map((stream) => stream.until()));
      const whole = new AbortController();
      const replies = Array.from({ length: 2 * ROWS }, (_, i) =>
        server.post('/generate', long(i), { signal: whole.signal }),
      );
      replies.push(
        server.post(
          '/generate',
          { ...long(50), sampling_params: greedy(TOKENS, { n: 3 }) },
          { signal: whole.signal },
        ),
      );
      const settled = Promise.allSettled(replies);
      await server.fetch('/server_info');
      for (const stream of streams) stream.drop();
      whole.abort();
      for (const { status } of await settled) expect(status).toBe('rejected');
    });
  });

  test('ends a batch', async () => {
    await expectCutShort(async () => {
      const stream = await Stream.open(server, {
        input_ids: Array.from({ length: 10 }, (_, i) => promptIds(30, i)),
        sampling_params: greedy(TOKENS),
      });
      await stream.until();
      stream.drop();
    });
  });

  test('may be killed', async () => {
    await expectCutShort(async () => {
      const program =
        'fetch(process.argv[1], { method: "POST", body: process.argv[2], headers: { "content-type": "application/json" } })' +
        '.then(async ({ body }) => { for await (const chunk of body) process.stdout.write(chunk); })';
      // Log-probabilities, so that it has not come to its end before a busy machine has killed anybody.
      const body = JSON.stringify({ ...long(7), stream: true, return_logprob: true, top_logprobs_num: 20 });
      const client = spawn(process.execPath, ['-e', program, `${server.url}/generate`, body]);
      await once(client.stdout, 'data');
      client.kill('SIGKILL');
      await once(client, 'close');
    });
  });

  test('may ask for its request to go on in the background', async () => {
    const before = steps();
    const stream = await Stream.open(server, { ...long(5), background: true });
    await stream.until();
    stream.drop();
    await expectClean(server);
    while (steps() - before < TOKENS - STEPS_A_LINE) await sleep(10);
  });
});

describe('/abort_request', () => {
  const abort = async (body: object) => expect((await server.post('/abort_request', body)).status).toBe(200);

  test('ends one request and no other, whose name begins alike', async () => {
    const [a, ab] = [
      await Stream.open(server, { ...long(1), rid: 'a' }),
      await Stream.open(server, { ...long(2), rid: 'ab' }),
    ];
    await Promise.all([a.until(), ab.until()]);
    await abort({ rid: 'a' });
    const end = await a.rest();
    expect(end.meta_info.finish_reason).toEqual(RUNNING_ABORT);
    expect(end.meta_info.completion_tokens).toBeGreaterThan(0);
    expect(end.meta_info.completion_tokens).toBeLessThan(TOKENS);
    expect(end.meta_info).toMatchObject({ weight_version: 'default', e2e_latency: expect.any(Number) });
    expect((await ab.until()).meta_info.finish_reason).toBeNull();
    await abort({ rid: 'ab' });
    expect((await ab.rest()).meta_info.finish_reason).toEqual(RUNNING_ABORT);
  });

  test('ends the members of a batch by the name they share', async () => {
    const batch = await Stream.open(server, {
      input_ids: [promptIds(9, 1), promptIds(9, 2), promptIds(9, 3)],
      rid: 'batch',
      sampling_params: greedy(TOKENS),
    });
    await batch.until();
    await abort({ rid: 'batch' });
    for (const { meta_info } of await batch.finals()) expect(meta_info.finish_reason?.type).toBe('abort');
  });

  test('ignores a name that it does not know', async () => {
    const stream = await Stream.open(server, { ...short, rid: 'known' });
    await abort({ rid: 'kno' });
    await abort({});
    expect((await stream.rest()).meta_info.finish_reason?.type).toBe('length');
  });

  test('ends all: what runs keeps its text, what waits has none', async () => {
    const count = 3 * ROWS;
    const input_ids = Array.from({ length: count }, (_, i) => promptIds(30, i));
    // Whole replies and a stream that shows how far the server is.
    const stream = await Stream.open(server, { input_ids, sampling_params: greedy(TOKENS) });
    const whole = generateAll(server, { input_ids, sampling_params: greedy(TOKENS) });
    const begun = new Set<number>();
    await stream.until(({ index }) => begun.add(index ?? 0).size === ROWS);
    await server.fetch('/server_info');
    await abort({ abort_all: true });
    const finals = await stream.finals();
    const byReason = (reason: object) =>
      finals.filter(({ meta_info }) => JSON.stringify(meta_info.finish_reason) === JSON.stringify(reason));
    expect(byReason(RUNNING_ABORT)).toHaveLength(ROWS);
    expect(byReason(WAITING_ABORT)).toHaveLength(count - ROWS);
    for (const { text, meta_info } of byReason(RUNNING_ABORT)) {
      expect(meta_info.completion_tokens).toBeGreaterThan(0);
      expect(text).not.toBe('');
    }
    for (const { text, meta_info } of byReason(WAITING_ABORT)) {
      expect({ text, tokens: meta_info.completion_tokens }).toEqual({ text: '', tokens: 0 });
    }
    for (const { meta_info } of [...finals, ...(await whole)]) {
      expect(meta_info.finish_reason?.type).toBe('abort');
      expect(meta_info).toMatchObject({ weight_version: 'default', e2e_latency: expect.any(Number) });
    }
    await expectClean(server);
  });

  test('asks for an object', async () => {
    expect((await server.post('/abort_request', { rid: 7 })).status).toBe(400);
    expect((await server.post('/abort_request', [])).status).toBe(400);
  });
});

describe('/pause_generation', () => {
  const pause = async (mode?: string) => {
    expect(await answer(server.post('/pause_generation', mode ? { mode } : {}))).toEqual({
      status: 200,
      body: { message: 'Generation paused successfully.', status: 'ok' },
    });
  };
  const resume = async () => {
    expect(await answer(server.post('/continue_generation', {}))).toEqual({
      status: 200,
      body: { message: 'Generation continued successfully.', status: 'ok' },
    });
  };
  /** What a request that runs and one that waits get to show, over a pause that `during` looks at. */
  async function over(mode: string, during: (running: Stream) => Promise<void>): Promise<Reply[]> {
    const streams = [];
    for (let seed = 0; seed < ROWS; seed++) streams.push(await Stream.open(server, long(seed)));
    await Promise.all(streams.map((stream) => stream.until()));
    streams.push(await Stream.open(server, { ...short, rid: 'waits' }));
    await pause(mode);
    streams.push(await Stream.open(server, { ...short, rid: 'new' }));
    if (streams[0]) await during(streams[0]);
    await resume();
    return Promise.all(streams.map((stream) => stream.rest()));
  }

  let alone: Reply[];
  beforeAll(async () => {
    alone = await Promise.all(Array.from({ length: ROWS }, (_, seed) => generate(server, long(seed))));
  });

  test('in_place: everything stands still, and goes on as if nothing had been', async () => {
    const ends = await over('in_place', async () => {
      expect((await server.fetch('/flush_cache')).status).toBe(400);
      const before = steps();
      await sleep(100);
      expect(steps()).toBe(before);
    });
    expect(ends.slice(0, ROWS).map(outcome)).toEqual(alone.map(outcome));
    expect(ends.map(({ meta_info }) => meta_info.finish_reason?.type)).toEqual(ends.map(() => 'length'));
    expect(ends.map(({ meta_info }) => meta_info.total_retractions)).toEqual(ends.map(() => 0));
  });

  test('retract: what runs is put back, and computed again', async () => {
    const ends = await over('retract', async () => {
      // What was put back waits, and what waits keeps the cache.
      expect((await server.fetch('/flush_cache')).status).toBe(400);
    });
    expect(ends.slice(0, ROWS).map(outcome)).toEqual(alone.map(outcome));
    expect(ends.slice(0, ROWS).map(({ meta_info }) => meta_info.total_retractions)).toEqual([1, 1, 1, 1]);
    expect(ends.slice(ROWS).map(({ meta_info }) => meta_info.finish_reason?.type)).toEqual([
      'length',
      'length',
    ]);
  });

  test.each(['abort', undefined])('%s: what was sent before ends, what comes later waits', async (mode) => {
    const ends = await over(mode as string, async (running) => {
      expect((await running.rest()).meta_info.finish_reason).toEqual(RUNNING_ABORT);
    });
    expect(ends.map(({ meta_info }) => meta_info.finish_reason?.type)).toEqual([
      ...Array.from({ length: ROWS + 1 }, () => 'abort'),
      'length',
    ]);
  });

  test('an abort reaches what is paused', async () => {
    await pause('in_place');
    const stream = await Stream.open(server, { ...short, rid: 'held' });
    expect((await server.post('/abort_request', { rid: 'held' })).status).toBe(200);
    expect((await stream.rest()).meta_info.finish_reason).toEqual(WAITING_ABORT);
    await resume();
  });

  test('refuses an unknown mode', async () => {
    expect((await server.post('/pause_generation', { mode: 'nap' })).status).toBe(400);
    expect((await generate(server, short)).meta_info.completion_tokens).toBe(3);
  });
});

test('nothing is left behind', () => expectClean(server));

describe('time limits', () => {
  const refusal = (message: string) => ({
    status: 503,
    body: { object: 'error', message, type: '503', param: null, code: 503 },
  });

  test('of what waits', async () => {
    const limited = await launch(['--max-running-requests', '1'], { SGLANG_REQ_WAITING_TIMEOUT: '0.05' });
    const running = await Stream.open(limited, long(1));
    await running.until();
    const message = 'Request waiting timeout reached.';
    const waiting = await Stream.open(limited, long(2));
    expect(await answer(limited.post('/generate', long(3)))).toEqual(refusal(message));
    expect((await waiting.rest()).meta_info.finish_reason).toEqual({
      type: 'abort',
      status_code: 503,
      message,
    });
    expect((await running.rest()).meta_info.finish_reason?.type).toBe('length');
    await expectClean(limited);
    expect((await generate(limited, short)).meta_info.completion_tokens).toBe(3);
    await limited.stop();
  });

  test('of what runs', async () => {
    const limited = await launch([], { SGLANG_REQ_RUNNING_TIMEOUT: '0.1' });
    const stream = Stream.open(limited, long(1)).then((opened) => opened.rest());
    const replies = Array.from({ length: 31 }, (_, i) => answer(limited.post('/generate', long(i))));
    const message = 'Request running timeout reached.';
    for (const reply of await Promise.all(replies)) expect(reply).toEqual(refusal(message));
    const { finish_reason, completion_tokens } = (await stream).meta_info;
    expect(finish_reason).toEqual({ type: 'abort', status_code: 503, message });
    expect(completion_tokens).toBeGreaterThan(0);
    await expectClean(limited);
    expect((await generate(limited, short)).meta_info.completion_tokens).toBe(3);
    await limited.stop();
  });
});
