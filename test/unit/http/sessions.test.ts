import { BOS } from '../tokenizer-manager/fixtures';
import { captureLog } from '../capture-log';
import { TestServer } from './test-server';

let server: TestServer;
let logged: string[];
beforeEach(async () => {
  logged = captureLog();
  server = await TestServer.start();
});
afterEach(async () => {
  await server.close();
  jest.restoreAllMocks();
});

const open = (more: object = {}) => server.ask('/open_session', { capacity_of_str_len: 1000, ...more });
const UNKNOWN = (id: string) => ({
  status: 400,
  body: { error: { message: `Invalid request: session id ${id} does not exist` } },
});
const limit = { max_new_tokens: 2 };
/** What the scheduler was sent last. */
const lastPrompt = () => [...(server.scheduler.all('generate').at(-1)?.inputIds ?? [])];
const bytes = (text: string) => [...Buffer.from(text)];

describe('/open_session', () => {
  it('answers with the name, its own or a drawn one', async () => {
    expect(await open({ session_id: 'mine' })).toEqual({ status: 200, body: 'mine' });
    const { status, body } = await open();
    expect([status, body]).toEqual([200, expect.stringMatching(/^[0-9a-f]{32}$/)]);
    expect(logged).toContain('Session opened: mine (active=1)');
  });

  it('refuses a name that is in use', async () => {
    await open({ session_id: 'mine' });
    const message = 'Failed to open the session. Check if a session with the same id is still open.';
    expect(await open({ session_id: 'mine' })).toEqual({ status: 400, body: { error: { message } } });
  });

  it.each([
    [{ capacity_of_str_len: undefined }, 'capacity_of_str_len: must be an integer'],
    [{ capacity_of_str_len: 'x' }, 'capacity_of_str_len: must be an integer'],
    [{ session_id: 5 }, 'session_id: must be a string'],
    [{ session_id: '' }, 'session_id: must have 1 to 256 characters'],
    [{ session_id: 'a\nb' }, 'session_id: must be well-formed Unicode without control characters'],
    [{ timeout: 0 }, 'timeout: must be more than 0'],
    [{ session: 'x' }, 'session: unknown field, did you mean session_id?'],
  ])('refuses %j', async (more, message) => {
    const { status, body } = await open(more);
    expect([status, body]).toEqual([400, expect.objectContaining({ message })]);
  });

  it('needs a flag for streaming sessions', async () => {
    const message = 'Streaming sessions are disabled. Please relaunch with --enable-streaming-session.';
    expect(await open({ streaming: true })).toEqual({ status: 400, body: { error: { message } } });
    await server.close();
    server = await TestServer.start({ args: { enableStreamingSession: true } });
    const { body: id } = await open({ streaming: true });
    const say = (text: string) =>
      server.ask('/generate', { text, sampling_params: limit, session_params: { id } });
    await say('x');
    await say('y');
    expect(lastPrompt()).toEqual([BOS, ...bytes('xaby')]);
  });

  it('is not there for a model of vectors', async () => {
    await server.close();
    server = await TestServer.start({ facts: { kind: 'embedding' } });
    expect((await open()).status).toBe(400);
  });
});

describe('/close_session', () => {
  it('answers with nothing, also a second time', async () => {
    await open({ session_id: 'mine' });
    for (let i = 0; i < 2; i++) {
      const reply = await server.post('/close_session', { session_id: 'mine' });
      expect([reply.status, await reply.text()]).toEqual([200, '']);
    }
    expect(logged).toContain('session id mine does not exist, cannot delete.');
    expect(await server.ask('/generate', { text: 'a', session_params: { id: 'mine' } })).toEqual(
      UNKNOWN('mine'),
    );
    expect((await server.post('/close_session', {})).status).toBe(400);
  });
});

describe('session_params', () => {
  let id: string;
  beforeEach(async () => void (id = (await open()).body as string));

  it.each([
    [{ id: 5 }, 'session_params.id: must be a string'],
    [{ id: 'x', offset: 1.5 }, 'session_params.offset: must be an integer'],
    [{ id: 'x', replace: 'yes' }, 'session_params.replace: must be true or false'],
    [{ id: 'x', rids: 'y' }, 'session_params: unknown field rids'],
    ['x', 'session_params: must be an object or a list of them'],
  ])('are checked: %j', async (session_params, message) => {
    const { status, body } = await server.ask('/generate', { text: 'a', session_params });
    expect([status, body]).toEqual([400, expect.objectContaining({ message })]);
  });

  it.each([null, {}, { id: null }, [], [null]])('of %j ask for nothing', async (session_params) => {
    const reply = await server.ask('/generate', { text: 'a', sampling_params: limit, session_params });
    expect(reply.status).toBe(200);
    expect(lastPrompt()).toEqual([BOS, ...bytes('a')]);
  });

  it('go on from a request, with a text or ids, alone or in a list', async () => {
    const ask = async (body: object, params: object) => {
      const request = { sampling_params: limit, ...body, session_params: { id, ...params } };
      expect((await server.ask('/generate', request)).status).toBe(200);
      return lastPrompt();
    };
    const context = [BOS, ...bytes('oneab')];
    expect(await ask({ text: 'one', rid: 'r1' }, {})).toEqual([BOS, ...bytes('one')]);
    expect(await ask({ text: 'two' }, { rid: 'r1' })).toEqual([...context, ...bytes('two')]);
    expect(await ask({ input_ids: [5, 6] }, { rid: 'r1', offset: 0 })).toEqual([...context, 5, 6]);
    expect(await ask({ input_ids: [[BOS, 6]] }, { rid: 'r1', offset: -1 })).toEqual([
      ...context.slice(0, -1),
      6,
    ]);
    expect(await ask({ text: ['two'] }, { rid: 'r1', drop_previous_output: true })).toEqual([
      BOS,
      ...bytes('onetwo'),
    ]);
    // Nothing new: what was said goes on.
    expect(await ask({ text: '' }, { rid: 'r1' })).toEqual(context);
  });

  it('give the samples of a request places of their own', async () => {
    await server.ask('/generate', { text: 'x', rid: 'r', sampling_params: limit, session_params: { id } });
    const sampling_params = { max_new_tokens: 3, n: 2 };
    const body = { text: 'y', rid: 's', sampling_params, session_params: { id, rid: 'r' } };
    expect((await server.ask('/generate', body)).status).toBe(200);
    for (const rid of ['s_0', 's_1']) {
      await server.ask('/generate', { text: 'z', sampling_params: limit, session_params: { id, rid } });
      expect(lastPrompt()).toEqual([BOS, ...bytes('xabyabcz')]);
    }
  });

  it('count for the context, and for where log-probabilities begin', async () => {
    await server.ask('/generate', {
      text: 'x'.repeat(40),
      rid: 'r',
      sampling_params: limit,
      session_params: { id },
    });
    const session_params = { id, rid: 'r' };
    const long = await server.ask('/generate', {
      text: 'y'.repeat(30),
      sampling_params: limit,
      session_params,
    });
    expect([long.status, JSON.stringify(long.body)]).toEqual([400, expect.stringContaining('73 tokens')]);
    const logprobs = { text: 'y', sampling_params: limit, return_logprob: true, session_params };
    expect((await server.ask('/generate', { ...logprobs, logprob_start_len: 44 })).status).toBe(200);
    expect((await server.ask('/generate', { ...logprobs, logprob_start_len: 45 })).status).toBe(400);
    // What is refused changes nothing.
    const gone = { ...logprobs, logprob_start_len: 99, session_params: { id, rid: 'r', replace: true } };
    await server.ask('/generate', { text: 'q', rid: 'q', sampling_params: limit, session_params });
    expect((await server.ask('/generate', gone)).status).toBe(400);
    const next = { text: 'z', sampling_params: limit, session_params: { id, rid: 'q' } };
    expect((await server.ask('/generate', next)).status).toBe(200);
  });

  it('end a request that runs where it is replaced, and go on from what it said', async () => {
    server.scheduler.isHolding = true;
    const first = server.ask('/generate', { text: 'x', rid: 'r', session_params: { id } });
    await server.scheduler.until('generate', 1);
    server.scheduler.emit('r', 'said');
    const append = { text: 'y', sampling_params: limit, session_params: { id, rid: 'r' } };
    const message = "Session request is appending to a request that hasn't finished.";
    expect(await server.ask('/generate', append)).toEqual({ status: 400, body: { error: { message } } });
    server.scheduler.isHolding = false;
    const session_params = { id, rid: 'r', replace: true, offset: 4 };
    expect((await server.ask('/generate', { ...append, session_params })).status).toBe(200);
    expect(lastPrompt()).toEqual([BOS, ...bytes('xsay')]);
    const { status, body } = await first;
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({
        text: 'said',
        meta_info: expect.objectContaining({
          finish_reason: expect.objectContaining({ type: 'abort' }) as object,
        }) as object,
      }),
    ]);
  });

  it('keep what was said to a client that left', async () => {
    server.scheduler.isHolding = true;
    const client = new AbortController();
    const body = { text: 'x', rid: 'r', session_params: { id } };
    const left = server.post('/generate', body, { signal: client.signal }).catch(() => undefined);
    await server.scheduler.until('generate', 1);
    server.scheduler.emit('r', 'said');
    client.abort();
    await left;
    await server.scheduler.until('abort', 1);
    while (server.scheduler.liveRids.length > 0) await new Promise((resolve) => setImmediate(resolve));
    server.scheduler.isHolding = false;
    await server.ask('/generate', { text: 'y', sampling_params: limit, session_params: { id, rid: 'r' } });
    expect(lastPrompt()).toEqual([BOS, ...bytes('xsaidy')]);
  });

  it('are understood by OpenAI’s routes', async () => {
    await server.ask('/generate', { text: 'x', rid: 'r', sampling_params: limit, session_params: { id } });
    const body = { model: 'm', prompt: 'y', max_tokens: 2, session_params: { id, rid: 'r' } };
    expect((await server.ask('/v1/completions', body)).status).toBe(200);
    expect(lastPrompt()).toEqual([BOS, ...bytes('xaby')]);
    const unknown = await server.ask('/v1/completions', { ...body, session_params: { id: 'no' } });
    expect([unknown.status, JSON.stringify(unknown.body)]).toEqual([
      400,
      expect.stringContaining('session id no does not exist'),
    ]);
  });

  it('of an unknown session are an event of a stream', async () => {
    const reply = await server.post('/generate', { text: 'a', stream: true, session_params: { id: 'no' } });
    expect(await reply.text()).toContain('"message":"Invalid request: session id no does not exist"');
  });
});
