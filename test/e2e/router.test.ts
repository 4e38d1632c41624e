import { setTimeout as sleep } from 'node:timers/promises';
import { generate, greedy, outcome, type Reply } from './client';
import { events, launch, type Server } from './harness';
import { Router, routerPython } from './router-process';

const python = routerPython();
const FLAGS = ['--served-model-name', 'tiny', '--log-requests'];
const STORY = 'Once upon a time there was a little house';
const BODY = { text: STORY, sampling_params: greedy(20) };

/** Requests that a server has taken, or finished, by their names. */
function named(server: Server, event: 'Receive' | 'Finish'): Set<string> {
  return new Set(
    [...server.stderr.matchAll(new RegExp(`${event}: obj=\\w+\\(rid='([^']+)'`, 'g'))].map((m) => m[1] ?? ''),
  );
}

(python === null ? describe.skip : describe)("SGLang's router", () => {
  let servers: [Server, Server];
  let router: Router;
  beforeAll(async () => {
    servers = await Promise.all([launch(FLAGS), launch(FLAGS)]);
    router = await Router.start(
      python ?? '',
      servers.map(({ url }) => url),
      ['--policy', 'cache_aware', '--cache-threshold', '0.5', '--cb-timeout-duration-secs', '1'],
    );
  });
  afterAll(() => router?.stop());

  test('finds the servers and tells of their model', async () => {
    const models = await (await fetch(`${router.url}/v1/models`)).json();
    expect(models).toMatchObject({ object: 'list', data: [{ id: 'tiny', object: 'model' }] });
    expect(await (await fetch(`${router.url}/get_model_info`)).json()).toMatchObject({ is_generation: true });
    expect((await fetch(`${router.url}/health`)).status).toBe(200);
    const loads = (await (await fetch(`${router.url}/get_loads`)).json()) as { workers: { load: number }[] };
    expect(loads.workers.map(({ load }) => load)).toEqual([0, 0]);
  });

  test('/generate, whole and as a stream, is what a server itself answers', async () => {
    const own = outcome(await generate(servers[0], BODY));
    expect(outcome((await (await router.post('/generate', BODY)).json()) as Reply)).toEqual(own);
    let last: unknown;
    for await (const event of events(await router.post('/generate', { ...BODY, stream: true }))) last = event;
    expect(outcome(last as Reply)).toEqual(own);
  });

  test.each([
    ['/v1/completions', { prompt: STORY }],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: STORY }] }],
  ])('%s, whole and as a stream', async (path, prompt) => {
    const body = { model: 'tiny', ...prompt, max_tokens: 8, temperature: 0 };
    const whole = (await (await router.post(path, body)).json()) as object;
    const own = (await (await servers[0].post(path, body)).json()) as object;
    const { choices } = own as { choices: unknown[] };
    expect(choices).toHaveLength(1);
    expect(whole).toMatchObject({ model: 'tiny', choices });
    const chunks: object[] = [];
    for await (const event of events(await router.post(path, { ...body, stream: true }))) chunks.push(event);
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'length' }] });
  });

  test('what is wrong with a request is told', async () => {
    const reply = await router.post('/generate', { text: 'a', sampling_params: { top_p: 5 } });
    expect(reply.status).toBe(400);
    expect(await reply.text()).toContain('top_p');
  });

  test('a prompt goes where its beginning is cached', async () => {
    const before = servers.map((server) => named(server, 'Receive').size);
    const cached: number[] = [];
    let text = `${STORY} ${'and its windows were blue, '.repeat(8)}`;
    for (let turn = 0; turn < 5; turn++) {
      const reply = (await (
        await router.post('/generate', { text, sampling_params: greedy(4) })
      ).json()) as Reply;
      cached.push(reply.meta_info.cached_tokens / reply.meta_info.prompt_tokens);
      text += ' and so on';
    }
    for (const share of cached.slice(1)) expect(share).toBeGreaterThan(0.8);
    const taken = servers.map((server, i) => named(server, 'Receive').size - (before[i] ?? 0));
    expect(taken.sort()).toEqual([0, 5]);
  });

  test('the cache of all is flushed through it', async () => {
    expect((await router.post('/flush_cache', {})).status).toBe(200);
    for (const server of servers) await server.logged('Cache flushed successfully!');
  });

  test('a server that dies under load takes only what ran there; one that comes back is used again', async () => {
    const [kept, lost] = servers;
    const outcomes = new Map<string, { startedAt: number; ok: boolean }>();
    let sent = 0;
    let isOver = false;
    const client = async () => {
      while (!isOver) {
        const rid = `load-${sent++}`;
        const startedAt = performance.now();
        // Nothing in common, so that both get their share.
        const body = { rid, text: `${sent}${sent} times ${STORY}`, sampling_params: greedy(300) };
        const ok = await router.post('/generate', body).then(
          async (reply) => reply.status === 200 && ((await reply.json()) as Reply).output_ids.length === 300,
          () => false,
        );
        outcomes.set(rid, { startedAt, ok });
      }
    };
    const clients = Array.from({ length: 8 }, client);
    while (named(lost, 'Finish').size < 20) await sleep(20);
    const killedAt = performance.now();
    lost.signal('SIGKILL');
    expect(await lost.exit()).toBe('SIGKILL');
    const ended = named(lost, 'Finish');
    const running = [...named(lost, 'Receive')].filter((rid) => !ended.has(rid));
    const enough = named(kept, 'Finish').size + 40;
    while (named(kept, 'Finish').size < enough) await sleep(20);
    isOver = true;
    await Promise.all(clients);

    const failed = [...outcomes].filter(([, { ok }]) => !ok);
    for (const [rid, { startedAt }] of failed) {
      expect(startedAt).toBeLessThan(killedAt);
      expect(running).toContain(rid);
    }
    const after = [...outcomes.values()].filter(({ startedAt }) => startedAt > killedAt);
    expect(after.length).toBeGreaterThan(20);
    await router.until((healthy) => healthy.length === 1 && healthy[0] === kept.url);

    const back = await launch([...FLAGS, '--port', String(lost.port)]);
    await router.until((healthy) => healthy.length === 2);
    // The router's circuit breaker lets it in again a second after that.
    const warmups = named(back, 'Finish').size;
    for (let i = 0; named(back, 'Finish').size === warmups; i++) {
      const reply = await router.post('/generate', { ...BODY, text: `${i}${i} ${i} houses` });
      expect(reply.status).toBe(200);
    }
  });

  test('each scheduler of a server can be a worker of its own', async () => {
    const server = await launch([...FLAGS, '--dp-size', '2']);
    const byRank = await Router.start(python ?? '', [server.url], ['--dp-aware', '--policy', 'round_robin']);
    try {
      await byRank.until((healthy) => healthy.length === 2);
      const before = server.stderr.length;
      for (let i = 0; i < 4; i++) expect((await byRank.post('/generate', BODY)).status).toBe(200);
      const log = server.stderr.slice(before);
      for (const rank of [0, 1]) expect(log.split(`DP${rank}] Prefill batch`)).toHaveLength(3);
    } finally {
      await byRank.stop();
    }
  });
});
