import { expectClean, generate, greedy, promptIds, Stream } from './client';
import { launch, type Server } from './harness';

/** Texts of a megabyte: whoever sends them waits, and nobody else does. */

let server: Server;
beforeAll(async () => void (server = await launch(['--context-length', '2000'])));

/** Some three seconds of work each, where it is done in one go. */
const HUGE = '中文字符测试'.repeat(170_000);

function post(path: string, body: object, signal?: AbortSignal): Promise<Response> {
  return server.fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

it('do not hold up health checks, short requests or running streams', async () => {
  const stream = await Stream.open(server, { input_ids: promptIds(10), sampling_params: greedy(1900) });
  await stream.until();
  const leaving = new AbortController();
  const long = Array.from({ length: 5 }, () =>
    post('/tokenize', { prompt: HUGE.slice(0, 900_000) }, leaving.signal),
  );
  const ended = Promise.allSettled(long);
  const waits: number[] = [];
  for (let round = 0; round < 40; round++) {
    const before = performance.now();
    expect((await server.fetch('/health')).status).toBe(200);
    const reply = await post('/tokenize', { prompt: 'short' });
    expect(((await reply.json()) as { count: number }).count).toBeGreaterThan(0);
    waits.push(performance.now() - before);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  // Bodies of megabytes are read and parsed meanwhile; one of these texts alone takes seconds.
  expect(waits.sort((a, b) => a - b)[Math.floor(waits.length * 0.9)]).toBeLessThan(500);
  expect((await stream.rest()).meta_info.completion_tokens).toBe(1900);
  leaving.abort();
  await ended;
  // Their clients have left: the next long text does not wait for them.
  const before = performance.now();
  const { tokens } = (await (await post('/tokenize', { prompt: HUGE.slice(0, 70_000) })).json()) as {
    tokens: number[];
  };
  expect(tokens.length).toBeGreaterThan(70_000);
  expect(performance.now() - before).toBeLessThan(10_000);
});

it('that cannot fit are refused before any work', async () => {
  const before = performance.now();
  const replies = await Promise.all(
    Array.from({ length: 10 }, () => post('/generate', { text: 'a'.repeat(1_000_000) })),
  );
  for (const reply of replies) {
    expect(reply.status).toBe(400);
    expect(await reply.text()).toMatch(
      /The input \(at least \d+ tokens\) is longer than the model's context length/,
    );
  }
  expect(performance.now() - before).toBeLessThan(5_000);
  const tooLong = await post('/tokenize', { prompt: 'a'.repeat(1_100_000) });
  expect(tooLong.status).toBe(400);
  expect(await tooLong.text()).toContain('at most 1048576 characters');
});

it('of ids come back whole', async () => {
  const text = HUGE.slice(0, 20_000);
  const { tokens } = (await (await post('/tokenize', { prompt: text })).json()) as { tokens: number[] };
  const back = (await (await post('/detokenize', { tokens })).json()) as { text: string };
  expect(back.text).toBe(text);
  expect((await generate(server, { text: 'x', sampling_params: greedy(3) })).output_ids).toHaveLength(3);
  await expectClean(server);
});
