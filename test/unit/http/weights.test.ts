import { TestServer } from './test-server';

/** What is asked of the schedulers, and who waits for whom. What comes of it with real weights is in test/e2e/weights.test.ts. */

let server: TestServer;
beforeEach(async () => void (server = await TestServer.start()));
afterEach(() => server.close());

const PROMPT = { text: 'x', sampling_params: { max_new_tokens: 3 } };
const soon = () => new Promise((resolve) => setTimeout(resolve, 100));
const rid = () => server.scheduler.liveRids[0] ?? '';
const types = () => server.scheduler.received.map(({ type }) => type);

describe('an update', () => {
  it('waits for what runs, and holds what comes meanwhile until the weights are there', async () => {
    server.scheduler.isHolding = true;
    const running = server.ask('/generate', PROMPT);
    await server.scheduler.until('generate');
    const update = server.ask('/update_weights_from_disk', { model_path: 'other', weight_version: 'two' });
    await server.scheduler.until('load_weights');
    await soon();
    const held = server.ask('/generate', PROMPT);
    await soon();
    expect(types()).toEqual(['generate', 'load_weights']);
    server.scheduler.emit(rid(), 'a', { type: 'length', length: 3 });
    expect(await running).toMatchObject({ body: { meta_info: { weight_version: 'default' } } });
    await server.scheduler.until('generate', 2);
    expect(types()).toEqual(['generate', 'load_weights', 'swap_weights', 'generate']);
    expect(await update).toEqual({
      status: 200,
      body: {
        success: true,
        message: 'Succeeded to update model weights. Weight version updated to two.',
        num_paused_requests: 0,
      },
    });
    server.scheduler.emit(rid(), 'a', { type: 'length', length: 3 });
    expect(await held).toMatchObject({ body: { meta_info: { weight_version: 'two' } } });
    expect(server.scheduler.all('load_weights')).toMatchObject([{ modelDir: '/models/other' }]);
    expect(server.scheduler.all('swap_weights')).toMatchObject([{ flushCache: true }]);
  });

  it('forgets a request whose client left while it was held', async () => {
    server.scheduler.isHolding = true;
    const running = server.ask('/generate', PROMPT);
    await server.scheduler.until('generate');
    const update = server.ask('/update_weights_from_disk', { model_path: 'other' });
    await server.scheduler.until('load_weights');
    await soon();
    const leaving = new AbortController();
    const held = server.post('/generate', PROMPT, { signal: leaving.signal }).catch(() => 'left');
    await soon();
    leaving.abort();
    expect(await held).toBe('left');
    await soon();
    server.scheduler.emit(rid(), 'a', { type: 'length', length: 3 });
    await running;
    expect(await update).toMatchObject({ status: 200 });
    await soon();
    expect(server.scheduler.all('generate')).toHaveLength(1);
  });

  it('of a paused server waits for nobody, also where it is paused while it waits', async () => {
    server.scheduler.isHolding = true;
    const running = server.ask('/generate', PROMPT);
    await server.scheduler.until('generate');
    await server.ask('/pause_generation', { mode: 'in_place' });
    const body = { model_path: 'other', flush_cache: false };
    expect(await server.ask('/update_weights_from_disk', body)).toMatchObject({
      body: { success: true, num_paused_requests: 1 },
    });
    expect(server.scheduler.all('swap_weights')).toMatchObject([{ flushCache: false }]);
    await server.ask('/continue_generation', {});
    const update = server.ask('/update_weights_from_disk', body);
    await server.scheduler.until('load_weights', 2);
    await soon();
    expect(server.scheduler.all('swap_weights')).toHaveLength(1);
    await server.ask('/pause_generation', { mode: 'retract' });
    expect(await update).toMatchObject({ body: { success: true, num_paused_requests: 1 } });
    server.scheduler.emit(rid(), 'a', { type: 'length', length: 3 });
    expect(await running).toMatchObject({ status: 200 });
  });

  it('that fails swaps nothing, frees what was loaded, and holds nobody', async () => {
    server.scheduler.weightsFailure = 'Failed to update weights: no.\nRolling back to original weights.';
    expect(await server.ask('/update_weights', { model_path: 'other', weight_version: 'two' })).toEqual({
      status: 400,
      body: { success: false, message: server.scheduler.weightsFailure, num_paused_requests: 0 },
    });
    expect(types()).toEqual(['load_weights', 'drop_weights']);
    expect(await server.ask('/generate', PROMPT)).toMatchObject({
      body: { meta_info: { weight_version: 'default' } },
    });
    expect(await (await server.get('/model_info')).json()).not.toMatchObject({ model_path: 'other' });
  });

  it('ends all requests first where it is told to, and pauses where it is told to', async () => {
    server.scheduler.isHolding = true;
    const running = server.ask('/generate', PROMPT);
    await server.scheduler.until('generate');
    const body = { model_path: 'other', abort_all_requests: true, keep_pause: true };
    expect(await server.ask('/update_weights_from_disk', body)).toMatchObject({ status: 200 });
    expect(types()).toEqual(['generate', 'abort_all', 'load_weights', 'swap_weights', 'pause']);
    expect(await running).toMatchObject({ body: { meta_info: { finish_reason: { type: 'abort' } } } });
  });

  it('shows where models are told of, under the name that the server was given', async () => {
    await server.ask('/update_weights', { model_path: 'org/other', load_format: 'dummy' });
    expect(await (await server.get('/server_info')).json()).toMatchObject({
      model_path: 'org/other',
      served_model_name: 'org/tiny',
      load_format: 'dummy',
    });
    expect(await (await server.get('/v1/models/org/tiny')).json()).toMatchObject({ id: 'org/tiny' });
  });
});

describe('/update_weight_version', () => {
  it('ends all requests unless it is told not to', async () => {
    for (const more of [{ abort_all_requests: false }, {}]) {
      expect(await server.ask('/update_weight_version', { new_version: 'v9', ...more })).toEqual({
        status: 200,
        body: { success: true, message: 'Weight version updated to v9', new_version: 'v9' },
      });
    }
    expect(types()).toEqual(['abort_all']);
    expect(await (await server.get('/model_info')).json()).toMatchObject({ weight_version: 'v9' });
    expect(await server.ask('/update_weight_version', { new_version: 9 })).toMatchObject({ status: 400 });
  });
});

describe('/get_weights_by_name', () => {
  it('answers with lists within lists', async () => {
    expect(await server.ask('/get_weights_by_name', { name: 'there' })).toEqual({
      status: 200,
      body: [
        [0.5, 1],
        [1.5, null],
      ],
    });
    expect(server.scheduler.all('read_weights')).toMatchObject([{ name: 'there', rows: 100 }]);
  });

  it('refuses names that there are not, and what is no number', async () => {
    expect(await server.ask('/get_weights_by_name', { name: 'nowhere' })).toMatchObject({
      status: 400,
      body: { error: { message: "Get parameter by name failed: the model has no 'nowhere'." } },
    });
    for (const body of [{}, { name: 'there', truncate_size: -1 }, { name: 'there', truncate_size: 1.5 }]) {
      expect(await server.ask('/get_weights_by_name', body)).toMatchObject({ status: 400 });
    }
  });
});

describe('memory that is released', () => {
  it('has requests refused until all of it is resumed', async () => {
    expect(await server.ask('/release_memory_occupation', {})).toEqual({ status: 200, body: null });
    expect(await server.ask('/release_memory_occupation', { tags: ['weights'] })).toMatchObject({
      status: 200,
    });
    const refused = {
      status: 503,
      body: { message: expect.stringContaining('/resume_memory_occupation') as string },
    };
    expect(await server.ask('/generate', PROMPT)).toMatchObject(refused);
    expect((await server.get('/health_generate')).status).toBe(200);
    await server.ask('/resume_memory_occupation', { tags: ['weights', 'cuda_graph'] });
    expect(await server.ask('/generate', PROMPT)).toMatchObject(refused);
    expect(await server.ask('/resume_memory_occupation', { tags: ['kv_cache'] })).toEqual({
      status: 200,
      body: null,
    });
    expect(await server.ask('/generate', PROMPT)).toMatchObject({ status: 200 });
  });

  it('is kept while requests run', async () => {
    server.scheduler.isHolding = true;
    const running = server.ask('/generate', PROMPT);
    await server.scheduler.until('generate');
    expect(await server.ask('/release_memory_occupation', {})).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('Requests run or wait') as string } },
    });
    expect(types()).toEqual(['generate']);
    server.scheduler.emit(rid(), 'a', { type: 'length', length: 3 });
    expect(await running).toMatchObject({ status: 200 });
  });

  it('stays released where the weights cannot be read again; an update takes their place', async () => {
    await server.ask('/release_memory_occupation', { tags: ['weights'] });
    server.scheduler.weightsFailure = 'the file has gone';
    expect(await server.ask('/resume_memory_occupation', {})).toMatchObject({
      status: 500,
      body: { message: expect.stringContaining('the file has gone') as string },
    });
    expect(await server.ask('/generate', PROMPT)).toMatchObject({ status: 503 });
    server.scheduler.weightsFailure = null;
    expect(await server.ask('/update_weights', { model_path: 'other' })).toMatchObject({ status: 200 });
    expect(await server.ask('/generate', PROMPT)).toMatchObject({ status: 200 });
  });

  it('has tags of its own', async () => {
    for (const tags of [['wieghts'], 'weights', [1]]) {
      expect(await server.ask('/release_memory_occupation', { tags })).toMatchObject({ status: 400 });
    }
    expect(server.scheduler.received).toEqual([]);
  });
});
