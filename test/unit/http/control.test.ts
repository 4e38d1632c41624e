import { TestServer } from './test-server';

const FLUSH_REPLY =
  'Cache flushed.\nPlease check backend logs for more details. ' +
  '(When there are running or waiting requests, the operation will not be performed.)\n';

let server: TestServer;
beforeEach(async () => {
  server = await TestServer.start();
});
afterEach(() => server.close());

const text = async (reply: Promise<Response>) => [(await reply).status, await (await reply).text()];

describe('/flush_cache', () => {
  it.each(['GET', 'POST'])(
    'says the same whether it worked or not, but for the status (%s)',
    async (method) => {
      const flush = () => fetch(`${server.url}/flush_cache`, { method });
      server.scheduler.flushResults.push(true, false);
      expect(await text(flush())).toEqual([200, FLUSH_REPLY]);
      expect(await text(flush())).toEqual([400, FLUSH_REPLY]);
    },
  );

  it('tries again for as long as it is told', async () => {
    server.scheduler.flushResults.push(false, false);
    expect(await text(server.get('/flush_cache?timeout=60'))).toEqual([200, FLUSH_REPLY]);
    server.scheduler.flushResults.push(false);
    expect(await text(server.get('/flush_cache?timeout=0'))).toEqual([400, FLUSH_REPLY]);
  });

  it.each(['-1', 'x', '', 'Infinity'])('refuses the timeout %j', async (timeout) => {
    const reply = await server.get(`/flush_cache?timeout=${timeout}`);
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({
      object: 'error',
      message: expect.stringContaining('timeout'),
    });
    expect(server.scheduler.received).toEqual([]);
  });
});

describe('/abort_request', () => {
  it('ends one request, by its name', async () => {
    server.scheduler.isHolding = true;
    const replies = server.post('/generate', { text: ['a', 'b'], rid: ['x', 'y'] });
    await server.scheduler.until('generate', 2);
    expect(await text(server.post('/abort_request', { rid: 'x' }))).toEqual([200, '']);
    expect(server.scheduler.all('abort')).toEqual([{ type: 'abort', rid: 'x' }]);
    expect(await text(server.post('/abort_request', { rid: 'unknown' }))).toEqual([200, '']);
    expect(server.scheduler.all('abort')).toHaveLength(1);
    expect(await text(server.post('/abort_request', { abort_all: true }))).toEqual([200, '']);
    expect(await (await replies).json()).toMatchObject([
      { meta_info: { finish_reason: { type: 'abort' } } },
      { meta_info: { finish_reason: { type: 'abort' } } },
    ]);
  });

  it('does nothing without a name, and refuses wrong types', async () => {
    for (const body of [{}, { rid: '' }, { rid: null, abort_all: false }]) {
      expect(await text(server.post('/abort_request', body))).toEqual([200, '']);
    }
    expect(server.scheduler.received).toEqual([]);
    expect(await server.ask('/abort_request', { rid: 5 })).toMatchObject({
      status: 400,
      body: { object: 'error', message: 'rid: must be a string' },
    });
    expect(await server.ask('/abort_request', [])).toMatchObject({ status: 400 });
  });
});

describe('a body', () => {
  const PATHS = ['/flush_cache', '/abort_request', '/pause_generation', '/continue_generation'];

  it('with a field that nobody knows is refused by name', async () => {
    for (const path of PATHS) {
      expect(await server.ask(path, { abortAll: true })).toMatchObject({
        status: 400,
        body: {
          message:
            path === '/abort_request'
              ? 'abortAll: unknown field, did you mean abort_all?'
              : 'abortAll: unknown field',
        },
      });
    }
    expect(await server.ask('/abort_request', { rid: 'x', abort_message: 'no' })).toMatchObject({
      body: { error: { message: 'abort_message is not available on this server.' } },
    });
    expect(server.scheduler.received).toEqual([]);
  });

  it('of another content type is refused, not overlooked', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const path of PATHS) {
      expect((await server.post(path, { abort_all: true }, { headers })).status).toBe(400);
    }
    expect(server.scheduler.received).toEqual([]);
  });

  it('may hold what every body of SGLang may hold', async () => {
    for (const path of PATHS) {
      expect((await server.post(path, { rid: 'x', http_worker_ipc: null })).status).toBe(200);
    }
  });
});

describe('pause and continue', () => {
  it('pass on the mode', async () => {
    for (const body of [{}, { mode: 'in_place' }, { mode: 'retract' }, { mode: null }]) {
      expect(await server.ask('/pause_generation', body)).toEqual({
        status: 200,
        body: { message: 'Generation paused successfully.', status: 'ok' },
      });
    }
    expect(server.scheduler.all('pause').map(({ mode }) => mode)).toEqual([
      'abort',
      'in_place',
      'retract',
      'abort',
    ]);
    expect(server.scheduler.all('abort_all')).toHaveLength(2);
    expect(await server.ask('/continue_generation', {})).toEqual({
      status: 200,
      body: { message: 'Generation continued successfully.', status: 'ok' },
    });
    expect(server.scheduler.all('continue')).toHaveLength(1);
  });

  it('need no body', async () => {
    for (const path of ['/pause_generation', '/continue_generation']) {
      expect((await fetch(server.url + path, { method: 'POST' })).status).toBe(200);
    }
  });

  it('refuses other modes', async () => {
    expect(await server.ask('/pause_generation', { mode: 'freeze' })).toMatchObject({
      status: 400,
      body: { message: "mode: must be 'abort', 'retract' or 'in_place'" },
    });
    expect(server.scheduler.received).toEqual([]);
  });
});
