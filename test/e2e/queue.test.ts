import { answer, expectClean, generate, greedy, logged, outcome, plain, promptIds, Stream } from './client';
import { launch, type Server } from './harness';

const refusal = (message: string) => ({
  status: 503,
  body: { object: 'error', message, type: '503', param: null, code: 503 },
});

/** Makes the server hold what arrives, so that the order of arrival is certain. */
async function hold(server: Server): Promise<void> {
  expect((await server.post('/pause_generation', { mode: 'in_place' })).status).toBe(200);
}

async function go(server: Server): Promise<void> {
  expect((await server.post('/continue_generation', {})).status).toBe(200);
}

/** Opens streams one after the other: they arrive in this order. */
async function arrive(server: Server, bodies: Record<string, unknown>[]): Promise<Stream[]> {
  const streams = [];
  for (const body of bodies) streams.push(await Stream.open(server, body));
  return streams;
}

/** The names of streams in the order in which the server began with them. */
async function startOrder(streams: Record<string, Stream>): Promise<string[]> {
  const starts = await Promise.all(
    Object.entries(streams).map(async ([name, stream]) => {
      await stream.rest();
      const [first] = stream.chunks;
      return { name, at: first?.meta_info.response_sent_to_client_ts ?? NaN };
    }),
  );
  return starts.sort((a, b) => a.at - b.at).map(({ name }) => name);
}

describe('one runs, one waits', () => {
  let server: Server;
  beforeAll(async () => {
    const limits = ['--max-running-requests', '1', '--max-queued-requests', '1'];
    server = await launch([...limits, '--decode-log-interval', '1']);
  });

  const request = (seed: number) => ({ input_ids: promptIds(50, seed), sampling_params: greedy(60) });

  test('ten requests one after the other are served', async () => {
    for (let i = 0; i < 10; i++) expect((await server.post('/generate', request(i))).status).toBe(200);
  });

  test('of ten that come while one can wait, one is served and the others are told that the queue is full', async () => {
    await hold(server);
    const replies = Array.from({ length: 10 }, (_, i) => server.post('/generate', request(i)));
    const outcomes = Promise.all(replies.map(answer));
    // While the server holds, one can wait and nobody can run: all others are told before it goes on.
    await new Promise<void>((resolve) => {
      let answered = 0;
      for (const reply of replies) void reply.then(() => ++answered === 9 && resolve());
    });
    await go(server);
    const served = (await outcomes).filter(({ status }) => status === 200);
    const refused = (await outcomes).filter(({ status }) => status !== 200);
    expect(served).toHaveLength(1);
    expect(refused).toEqual(refused.map(() => refusal('The request queue is full.')));
  });

  test('so are those of a burst at a server that works', async () => {
    const busy = { input_ids: promptIds(50), sampling_params: greedy(1900) };
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () => plain(server.post('/generate', busy))),
    );
    const served = outcomes.filter(({ status }) => status === 200);
    expect([1, 2]).toContain(served.length);
    expect(outcomes.filter(({ status }) => status === 503)).toHaveLength(10 - served.length);
  });

  test('a stream is told in its last event', async () => {
    await hold(server);
    const [waits, refused] = await arrive(server, [request(1), request(2)]);
    expect((await refused?.rest())?.meta_info.finish_reason).toEqual({
      type: 'abort',
      status_code: 503,
      message: 'The request queue is full.',
    });
    await go(server);
    expect((await waits?.rest())?.meta_info.finish_reason).toEqual({ type: 'length', length: 60 });
  });

  test('the log never counts more than one of each', async () => {
    expect(Math.max(...logged(server, '#running-req'))).toBe(1);
    expect(Math.max(...logged(server, '#queue-req'))).toBe(1);
    await expectClean(server);
    await server.stop();
  });
});

describe('priorities', () => {
  const FLAGS = ['--enable-priority-scheduling', '--max-running-requests', '1', '--max-queued-requests', '3'];
  const request = (priority: number | undefined, tokens = 30) => ({
    input_ids: promptIds(20, tokens),
    priority,
    sampling_params: greedy(tokens),
  });

  describe('larger first', () => {
    let server: Server;
    beforeAll(async () => void (server = await launch(FLAGS)));
    afterEach(() => expectClean(server));

    test('the most urgent starts first; among equals, the first to arrive; without one, last', async () => {
      await hold(server);
      const [none, one, two] = await arrive(server, [request(undefined, 21), request(1, 22), request(2, 23)]);
      await go(server);
      expect(await startOrder({ none, one, two } as Record<string, Stream>)).toEqual(['two', 'one', 'none']);
      await hold(server);
      const [a, b, c] = await arrive(server, [request(3, 24), request(3, 25), request(5, 26)]);
      await go(server);
      expect(await startOrder({ a, b, c } as Record<string, Stream>)).toEqual(['c', 'a', 'b']);
    });

    test('a full queue drops the least urgent', async () => {
      await hold(server);
      const [low, mid, mid2] = await arrive(server, [request(0), request(1), request(1)]);
      const [high] = await arrive(server, [request(2)]);
      expect((await low?.rest())?.meta_info.finish_reason).toEqual({
        type: 'abort',
        status_code: 503,
        message: 'The request is aborted by a higher priority request.',
      });
      expect(await answer(server.post('/generate', request(0)))).toEqual(
        refusal('The request queue is full.'),
      );
      await go(server);
      expect((await startOrder({ mid, mid2, high } as Record<string, Stream>))[0]).toBe('high');
    });

    test('a whole reply of a dropped request is a 503', async () => {
      await hold(server);
      const streams = await arrive(server, [request(5), request(5)]);
      const dropped = server.post('/generate', { ...request(1), rid: 'dropped' });
      // Sent in some order; the one of the lowest priority goes when the queue is full.
      const others = [server.post('/generate', request(7)), server.post('/generate', request(7))];
      expect(await answer(dropped)).toMatchObject({
        status: 503,
        body: { object: 'error', type: '503', code: 503 },
      });
      await server.post('/abort_request', { abort_all: true });
      await go(server);
      await Promise.all([...streams.map((stream) => stream.rest()), ...others.map(plain)]);
    });

    test('preempts a running request that is less urgent by more than the threshold', async () => {
      const low = await Stream.open(server, request(0, 700));
      await low.until();
      const near = await Stream.open(server, request(10, 31));
      const far = await Stream.open(server, request(11, 32));
      const [lowEnd, , farEnd] = await Promise.all([low.rest(), near.rest(), far.rest()]);
      expect(lowEnd.meta_info.total_retractions).toBe(1);
      expect(farEnd.meta_info.total_retractions).toBe(0);
      expect(lowEnd.meta_info.finish_reason).toEqual({ type: 'length', length: 700 });
      const alone = await generate(server, request(0, 700));
      expect(outcome(lowEnd)).toEqual(outcome(alone));
    });

    test('lets a running request finish within the threshold', async () => {
      const low = await Stream.open(server, request(0, 300));
      await low.until();
      const near = await Stream.open(server, request(10, 31));
      const ends = await Promise.all([low.rest(), near.rest()]);
      expect(ends.map(({ meta_info }) => meta_info.total_retractions)).toEqual([0, 0]);
    });
  });

  test('smaller first, where the server is told so', async () => {
    const server = await launch([...FLAGS, '--schedule-low-priority-values-first']);
    await hold(server);
    const [two, none, one] = await arrive(server, [request(2, 21), request(undefined, 22), request(1, 23)]);
    await go(server);
    expect(await startOrder({ two, none, one } as Record<string, Stream>)).toEqual(['one', 'two', 'none']);
    const low = await Stream.open(server, request(50, 500));
    await low.until();
    const urgent = await Stream.open(server, request(0, 20));
    expect((await urgent.rest()).meta_info.total_retractions).toBe(0);
    expect((await low.rest()).meta_info.total_retractions).toBe(1);
    await expectClean(server);
    await server.stop();
  });

  test('are refused where they are off and the server is told to', async () => {
    const server = await launch(['--abort-on-priority-when-disabled']);
    expect(await answer(server.post('/generate', request(1)))).toEqual(
      refusal('Using priority is disabled for this server. Please send a new request without a priority.'),
    );
    expect((await server.post('/generate', request(undefined))).status).toBe(200);
    await server.stop();
  });
});

describe('policies', () => {
  test('routing-key: what runs already draws its kind', async () => {
    const server = await launch(['--schedule-policy', 'routing-key', '--max-running-requests', '2']);
    const request = (routing_key: string | null, tokens: number) => ({
      input_ids: promptIds(20, tokens),
      routing_key,
      sampling_params: greedy(tokens),
    });
    await hold(server);
    const [long, short, a, b, c, d] = await arrive(server, [
      request('k1', 1900),
      request(null, 10),
      request('k2', 21),
      request('k1', 22),
      request('k2', 23),
      request('k1', 24),
    ]);
    await go(server);
    expect(await startOrder({ a, b, c, d } as Record<string, Stream>)).toEqual(['b', 'd', 'a', 'c']);
    long?.drop();
    await short?.rest();
    await expectClean(server);
    await server.stop();
  });

  test('lof: the longest output first', async () => {
    const server = await launch(['--schedule-policy', 'lof', '--max-running-requests', '1']);
    await hold(server);
    const requests = [30, 50, 10, 40].map((tokens) => ({
      input_ids: promptIds(20, tokens),
      sampling_params: greedy(tokens),
    }));
    const [a, b, c, d] = await arrive(server, requests);
    await go(server);
    expect(await startOrder({ a, b, c, d } as Record<string, Stream>)).toEqual(['b', 'd', 'a', 'c']);
    await server.stop();
  });

  test('lpm: the longest cached prefix first', async () => {
    const server = await launch(['--schedule-policy', 'lpm', '--max-running-requests', '1']);
    const prompts = [promptIds(300, 1), promptIds(300, 2)];
    for (const input_ids of prompts) await generate(server, { input_ids, sampling_params: greedy(1) });
    const request = (input_ids: number[]) => ({ input_ids, sampling_params: greedy(10) });
    await hold(server);
    const [none, short, long] = await arrive(server, [
      request(promptIds(320, 3)),
      request([...promptIds(100, 1), ...promptIds(220, 4)]),
      request([...promptIds(300, 2), ...promptIds(20, 5)]),
    ]);
    await go(server);
    expect(await startOrder({ none, short, long } as Record<string, Stream>)).toEqual([
      'long',
      'short',
      'none',
    ]);
    await expectClean(server);
    await server.stop();
  });
});
