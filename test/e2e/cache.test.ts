import { expectClean, generate, generateAll, greedy, outcome, plain, promptIds, Stream } from './client';
import { launch, type Server } from './harness';

const FLUSHED =
  'Cache flushed.\nPlease check backend logs for more details. ' +
  '(When there are running or waiting requests, the operation will not be performed.)\n';

/** The ids 0, 1, 2, … as far as the vocabulary goes, and again. */
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i % 500);

/** How much of a prompt was found in the cache. */
async function cached(server: Server, input_ids: number[], more: object = {}): Promise<number> {
  const { meta_info } = await generate(server, { input_ids, sampling_params: greedy(1), ...more });
  expect(meta_info.prompt_tokens).toBe(input_ids.length);
  return meta_info.cached_tokens;
}

const flush = (server: Server, init: RequestInit = { method: 'POST' }) =>
  plain(server.fetch('/flush_cache', init));

describe('the prefix cache', () => {
  let server: Server;
  beforeAll(async () => void (server = await launch()));
  beforeEach(() => expectClean(server));

  test('finds what prompts share, all but the last token', async () => {
    expect(await cached(server, upTo(100))).toBe(0);
    expect(await cached(server, upTo(1500))).toBe(100);
    expect(await cached(server, upTo(1500))).toBe(1499);
    expect(await cached(server, upTo(400))).toBe(399);
    expect(await cached(server, upTo(1900))).toBe(1500);
    expect(await cached(server, [499, ...upTo(100)])).toBe(0);
  });

  test('finds what was generated, so that a conversation pays for its last turn only', async () => {
    let history = promptIds(60, 4);
    for (let turn = 0; turn < 4; turn++) {
      const { output_ids, meta_info } = await generate(server, {
        input_ids: history,
        sampling_params: greedy(30),
      });
      // The last generated token was never run.
      expect(meta_info.cached_tokens).toBe(turn === 0 ? 0 : history.length - 11);
      history = [...history, ...output_ids, ...promptIds(10, 30 + turn)];
    }
  });

  test('gives the same text with and without a hit', async () => {
    const body = { input_ids: promptIds(900, 6), sampling_params: greedy(40) };
    const first = await generate(server, body);
    const second = await generate(server, body);
    expect([first, second].map(({ meta_info }) => meta_info.cached_tokens)).toEqual([0, 899]);
    expect(outcome(second)).toEqual(outcome(first));
  });

  test('is shared by the samples of a prompt', async () => {
    const replies = await generateAll(server, {
      input_ids: promptIds(200, 7),
      sampling_params: greedy(4, { n: 3 }),
    });
    expect(replies.map(({ meta_info }) => meta_info.cached_tokens)).toEqual([199, 199, 199]);
  });

  test('keeps the prompts of different extra keys apart', async () => {
    expect(await cached(server, upTo(100), { extra_key: 'a' })).toBe(0);
    expect(await cached(server, upTo(100), { extra_key: 'b' })).toBe(0);
    expect(await cached(server, upTo(100))).toBe(0);
    expect(await cached(server, upTo(200), { extra_key: 'a' })).toBe(100);
    expect(await cached(server, upTo(300))).toBe(100);
    const batch = await generateAll(server, {
      input_ids: [upTo(150), upTo(150), upTo(150)],
      extra_key: ['a', 'b', 'c'],
      sampling_params: greedy(1),
    });
    expect(batch.map(({ meta_info }) => meta_info.cached_tokens)).toEqual([149, 100, 0]);
  });

  test('is not used behind the first logprob that is wanted', async () => {
    expect(await cached(server, upTo(100))).toBe(0);
    expect(await cached(server, upTo(100), { return_logprob: true, logprob_start_len: 40 })).toBe(40);
    expect(await cached(server, upTo(100), { return_logprob: true, logprob_start_len: 0 })).toBe(0);
    expect(await cached(server, upTo(100), { return_logprob: true })).toBe(99);
  });

  test('keeps what an aborted request computed', async () => {
    const stream = await Stream.open(server, { input_ids: upTo(300), sampling_params: greedy(1500) });
    await stream.until();
    stream.drop();
    expect(await cached(server, upTo(301))).toBe(300);
  });

  test.each(['GET', 'POST'])('is empty after /flush_cache (%s)', async (method) => {
    await cached(server, upTo(100));
    expect(await flush(server, { method })).toEqual({ status: 200, text: FLUSHED });
    await server.logged('Cache flushed successfully!');
    expect(await cached(server, upTo(100))).toBe(0);
  });

  test('is not flushed while requests run', async () => {
    const stream = await Stream.open(server, { input_ids: upTo(100), sampling_params: greedy(1900) });
    await stream.until();
    expect(await flush(server)).toEqual({ status: 400, text: FLUSHED });
    await server.logged(
      'Cache not flushed because there are pending requests. #queue-req: 0, #running-req: 1',
    );
    stream.drop();
    expect(await plain(server.fetch('/flush_cache?timeout=20'))).toEqual({ status: 200, text: FLUSHED });
  });

  test('is not flushed while requests wait for a server that holds', async () => {
    await server.post('/pause_generation', { mode: 'in_place' });
    const stream = await Stream.open(server, { input_ids: upTo(100), sampling_params: greedy(4) });
    expect(await flush(server)).toEqual({ status: 400, text: FLUSHED });
    await server.logged(
      'Cache not flushed because there are pending requests. #queue-req: 1, #running-req: 0',
    );
    await server.post('/continue_generation', {});
    await stream.rest();
  });
});

describe('pages', () => {
  test('only whole ones are shared', async () => {
    const server = await launch(['--page-size', '16', '--chunked-prefill-size', '128']);
    expect(await cached(server, upTo(100))).toBe(0);
    expect(await cached(server, upTo(1000))).toBe(96);
    expect(await cached(server, upTo(1000))).toBe(992);
    expect(await cached(server, upTo(992))).toBe(976);
    expect(await cached(server, upTo(1500), { return_logprob: true, logprob_start_len: 200 })).toBe(192);
    await expectClean(server);
    expect(await cached(server, upTo(1000))).toBe(0);
    await server.stop();
  });
});

describe('without captured batches', () => {
  test('no line of the log says that one was used', async () => {
    const server = await launch(['--disable-cuda-graph', '--decode-log-interval', '1']);
    await generate(server, { input_ids: upTo(10), sampling_params: greedy(5) });
    expect(server.stderr).toMatch(/Decode batch, .*, cpu graph: False, /);
    expect(server.stderr).not.toContain('cpu graph: True');
    await server.stop();
  });
});

describe('without a cache', () => {
  test('nothing is found', async () => {
    const server = await launch(['--disable-radix-cache']);
    const body = { input_ids: upTo(300), sampling_params: greedy(20) };
    const [first, second] = [await generate(server, body), await generate(server, body)];
    expect([first, second].map(({ meta_info }) => meta_info.cached_tokens)).toEqual([0, 0]);
    expect(outcome(second)).toEqual(outcome(first));
    await expectClean(server);
    await server.stop();
  });
});
