import { expectClean, generate, generateAll, greedy, outcome, promptIds, Stream, type Reply } from './client';
import { launch, start, type Server } from './harness';

/** Prompts that have nothing in common, and one that ends in the same way for all. */
const PROMPTS = Array.from({ length: 12 }, (_, i) => promptIds(20 + 9 * i, i));
const BATCH = { input_ids: PROMPTS, sampling_params: greedy(24) };
const LONG = { input_ids: promptIds(20), sampling_params: greedy(1900) };

/** Requests that a scheduler has begun, by its lines in the log. */
function begun(server: Server, rank: number): number {
  const lines = server.stderr.matchAll(new RegExp(`DP${rank}\\] Prefill batch, #new-seq: (\\d+)`, 'g'));
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

interface ServerInfo {
  readonly dp_size: number;
  readonly max_total_num_tokens: number;
  readonly internal_states: readonly { memory_usage: { token_capacity: number } }[];
}

describe('two schedulers', () => {
  let server: Server;
  let alone: Reply[];
  beforeAll(async () => {
    const one = await launch();
    alone = await generateAll(one, BATCH);
    expect(Object.keys(one.children()).sort()).toEqual(['detokenizer', 'scheduler']);
    expect(one.stderr).not.toContain('DP0');
    await one.stop();
    server = await launch(['--dp-size', '2', '--max-total-tokens', '12000', '--enable-metrics']);
  });

  test('are processes of their own, and have what one would have', async () => {
    expect(Object.keys(server.children()).sort()).toEqual(['detokenizer', 'scheduler_DP0', 'scheduler_DP1']);
    const info = (await (await server.fetch('/server_info')).json()) as ServerInfo;
    expect(info).toMatchObject({ dp_size: 2, max_total_num_tokens: 6000 });
    const capacities = info.internal_states.map(({ memory_usage }) => memory_usage.token_capacity);
    expect(capacities).toEqual([6000, 6000]);
  });

  test('answer as one does, and both have work', async () => {
    const before = [begun(server, 0), begun(server, 1)];
    // One by one in the batch and on their own: the spread is another each time.
    expect((await generateAll(server, BATCH)).map(outcome)).toEqual(alone.map(outcome));
    await expectClean(server);
    const singles = PROMPTS.map((input_ids) =>
      generate(server, { input_ids, sampling_params: BATCH.sampling_params }),
    );
    expect((await Promise.all(singles)).map(outcome)).toEqual(alone.map(outcome));
    const share = [begun(server, 0), begun(server, 1)].map((count, rank) => count - (before[rank] ?? 0));
    for (const count of share) expect(count).toBeGreaterThanOrEqual(PROMPTS.length / 2);
    await expectClean(server);
  });

  test('a prompt goes where its beginning is cached', async () => {
    const cached: number[] = [];
    for (let turn = 1; turn <= 6; turn++) {
      const input_ids = [...promptIds(200, 77), ...promptIds(8 * turn, 500)];
      const { meta_info } = await generate(server, { input_ids, sampling_params: greedy(4) });
      cached.push(meta_info.cached_tokens);
      // Between two turns there is other work, which would be where the turns are if they alternated.
      await generate(server, { input_ids: promptIds(30, turn), sampling_params: greedy(2) });
    }
    expect(cached[0]).toBe(0);
    for (const tokens of cached.slice(1)) expect(tokens).toBeGreaterThanOrEqual(200);
    await expectClean(server);
  });

  test.each(['routed_dp_rank', 'data_parallel_rank'])('%s says which one runs a request', async (field) => {
    const before = [begun(server, 0), begun(server, 1)];
    for (let i = 0; i < 3; i++) await generate(server, { ...BATCH, input_ids: PROMPTS[i], [field]: 1 });
    expect([begun(server, 0), begun(server, 1)]).toEqual([before[0], (before[1] ?? 0) + 3]);
    const refused = await server.post('/generate', { ...LONG, [field]: 2 });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('routed_dp_rank must be in [0, 1]');
  });

  test.each([0, 1])('samples run beside their prefix on scheduler %i', async (routed_dp_rank) => {
    const replies = await generateAll(server, {
      input_ids: promptIds(100, 40 + routed_dp_rank),
      sampling_params: { ...greedy(3), temperature: 1, n: 4 },
      routed_dp_rank,
    });
    expect(replies.map(({ meta_info }) => meta_info.cached_tokens)).toEqual([99, 99, 99, 99]);
    await expectClean(server);
  });

  test.each([0, 1])('a request on scheduler %i is aborted by its name, and by its client', async (rank) => {
    const body = { ...LONG, routed_dp_rank: rank };
    const [named, dropped] = [
      await Stream.open(server, { ...body, rid: `named-${rank}` }),
      await Stream.open(server, body),
    ];
    await named.until();
    await dropped.until();
    dropped.drop();
    await server.post('/abort_request', { rid: `named-${rank}` });
    const { meta_info } = await named.rest();
    expect(meta_info.finish_reason).toMatchObject({ type: 'abort' });
    expect(meta_info.completion_tokens).toBeLessThan(1900);
    await expectClean(server);
  });

  test('a stop string ends a request on either, and frees its memory', async () => {
    for (const routed_dp_rank of [0, 1]) {
      const { text } = alone[0] ?? { text: '' };
      const stop = text.slice(3, 6);
      const body = { input_ids: PROMPTS[0], sampling_params: greedy(1900, { stop }), routed_dp_rank };
      const { meta_info } = await generate(server, body);
      expect(meta_info.finish_reason).toEqual({ type: 'stop', matched: stop });
      await expectClean(server);
    }
  });

  test('tell of their work each for itself', async () => {
    const stream = await Stream.open(server, { ...LONG, routed_dp_rank: 1 });
    await stream.until();
    const loads = (await (await server.fetch('/get_load')).json()) as { dp_rank: number; num_reqs: number }[];
    expect(loads).toMatchObject([
      { dp_rank: 0, num_reqs: 0 },
      { dp_rank: 1, num_reqs: 1 },
    ]);
    expect(await (await server.fetch('/v1/loads?dp_rank=1')).json()).toMatchObject({
      dp_rank_count: 1,
      loads: [{ dp_rank: 1, num_running_reqs: 1 }],
    });
    stream.drop();
    await expectClean(server);
    const page = await (await server.fetch('/metrics')).text();
    for (const rank of [0, 1]) {
      expect(page).toMatch(new RegExp(`^sglang:num_used_tokens\\{[^}]*dp_rank="${rank}"`, 'm'));
      expect(page).toContain(`sglang:process_resident_memory_bytes{component="scheduler_DP${rank}"}`);
    }
  });

  test('a pause holds both, abort_all ends what both run, and both go on', async () => {
    const streams = await Promise.all(
      [0, 1].map((routed_dp_rank) => Stream.open(server, { ...LONG, routed_dp_rank })),
    );
    await Promise.all(streams.map((stream) => stream.until()));
    await server.post('/pause_generation', { mode: 'in_place' });
    expect((await server.post('/flush_cache', {})).status).toBe(400);
    await server.post('/continue_generation', {});
    await Promise.all(streams.map((stream) => stream.until()));
    await server.post('/abort_request', { abort_all: true });
    for (const { meta_info } of await Promise.all(streams.map((stream) => stream.rest()))) {
      expect(meta_info.finish_reason).toMatchObject({ type: 'abort' });
    }
    await expectClean(server);
  });

  test('are healthy, each for itself', async () => {
    const before = [begun(server, 0), begun(server, 1)];
    expect((await server.fetch('/health')).status).toBe(200);
    expect((await server.fetch('/health_generate')).status).toBe(200);
    await expectClean(server);
    expect([begun(server, 0), begun(server, 1)]).toEqual(before.map((count) => count + 1));
  });

  test('SIGTERM lets both finish', async () => {
    const bodies = [0, 1].map((routed_dp_rank) => ({
      ...LONG,
      routed_dp_rank,
      sampling_params: greedy(400),
    }));
    const streams = await Promise.all(bodies.map((body) => Stream.open(server, body)));
    await Promise.all(streams.map((stream) => stream.until()));
    server.signal('SIGTERM');
    for (const { meta_info } of await Promise.all(streams.map((stream) => stream.rest()))) {
      expect(meta_info).toMatchObject({ finish_reason: { type: 'length' }, completion_tokens: 400 });
    }
    expect(await server.exit()).toBe(0);
    await server.gone();
  });
});

test('one that stops answering turns the health check red; when it is killed the server ends and names it', async () => {
  const server = await launch(['--dp-size', '2'], { SGLANG_HEALTH_CHECK_TIMEOUT: '3' });
  const pid = server.children()['scheduler_DP1'] ?? 0;
  process.kill(pid, 'SIGSTOP');
  for (let status = 200; status === 200;) status = (await server.fetch('/health')).status;
  process.kill(pid, 'SIGCONT');
  for (let status = 503; status === 503;) status = (await server.fetch('/health')).status;
  process.kill(pid, 'SIGKILL');
  expect(await server.exit()).toBe(1);
  expect(server.stderr).toContain(`The scheduler_DP1 process ended unexpectedly (pid ${pid}, signal SIGKILL`);
  await server.gone();
});

test('a scheduler that cannot start ends the start of all', async () => {
  const server = await start(['--dp-size', '2', '--max-total-tokens', '8']);
  expect(await server.exit()).toBe(1);
  expect(server.stderr).toContain('Memory pool size is too small: it has room for 4 tokens');
  await server.gone();
});

test('vectors come from both', async () => {
  const flags = ['--is-embedding'];
  const encode = async (server: Server, more: object = {}) => {
    const reply = await server.post('/encode', { input_ids: PROMPTS.slice(0, 6), ...more });
    expect(reply.status).toBe(200);
    return ((await reply.json()) as { embedding: number[] }[]).map(({ embedding }) => embedding);
  };
  const one = await launch(flags);
  const expected = await encode(one, {});
  await one.stop();
  const server = await launch([...flags, '--dp-size', '2']);
  for (const more of [{}, { routed_dp_rank: 0 }, { routed_dp_rank: 1 }]) {
    const vectors = await encode(server, more);
    for (const [i, vector] of vectors.entries()) {
      vector.forEach((value, k) => expect(value).toBeCloseTo(expected[i]?.[k] ?? NaN, 5));
    }
  }
  expect(await server.stop()).toBe(0);
  await server.gone();
});
