import fc from 'fast-check';
import { captureLog } from '../capture-log';
import { BOS } from '../tokenizer-manager/fixtures';
import { TestServer } from './test-server';

const tick = () => new Promise((resolve) => setImmediate(resolve));
const limit = (max_new_tokens: number) => ({ sampling_params: { max_new_tokens } });

let server: TestServer;
let logged: string[];
beforeEach(async () => {
  logged = captureLog();
  server = await TestServer.start();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
});

async function restart(options: Parameters<typeof TestServer.start>[0]): Promise<void> {
  await server.close();
  server = await TestServer.start(options);
}

describe('a whole reply', () => {
  it.each(['POST', 'PUT'])('has text, ids and meta_info (%s)', async (method) => {
    const { status, body } = await server.ask('/generate', { text: 'hi', rid: 'r', ...limit(3) }, { method });
    expect(status).toBe(200);
    expect(body).toEqual({
      text: 'abc',
      output_ids: [97, 98, 99],
      meta_info: {
        id: 'r',
        finish_reason: { type: 'length', length: 3 },
        prompt_tokens: 3,
        weight_version: 'default',
        total_retractions: 0,
        completion_tokens: 3,
        cached_tokens: 0,
        cached_tokens_details: null,
        e2e_latency: expect.any(Number),
        response_sent_to_client_ts: expect.any(Number),
      },
    });
  });

  it('is a list for a list of prompts, and for several samples', async () => {
    const batch = await server.ask('/generate', { text: ['a', 'b'], rid: 'r', ...limit(1) });
    expect(batch.body).toMatchObject([{ meta_info: { id: 'r_0' } }, { meta_info: { id: 'r_1' } }]);
    const samples = await server.ask('/generate', {
      text: 'a',
      sampling_params: { n: 3, max_new_tokens: 1 },
    });
    expect(samples.body).toMatchObject([{ text: 'a' }, { text: 'a' }, { text: 'a' }]);
    expect((await server.ask('/generate', { text: [] })).body).toEqual([]);
    expect((await server.ask('/generate', { input_ids: [[1]], ...limit(1) })).body).toMatchObject([
      { text: 'a' },
    ]);
  });

  it('keeps the prefixes of clients apart by their salt', async () => {
    const keys = async (body: object) => {
      await server.ask('/generate', { text: 'a', ...limit(1), ...body });
      return server.scheduler.all('generate').at(-1)?.extraKey;
    };
    expect(await keys({ cache_salt: 'x' })).toBe('["x",null]');
    expect(await keys({ cache_salt: 'x', extra_key: 'k' })).toBe('["x","k"]');
    expect(await keys({ extra_key: 'k' })).toBe('k');
  });

  it('has no text without a tokenizer', async () => {
    await restart({ tokenizer: null });
    const { body } = await server.ask('/generate', { input_ids: [5], return_logprob: true, ...limit(2) });
    expect(body).not.toHaveProperty('text');
    expect(body).toMatchObject({
      output_ids: [97, 98],
      meta_info: {
        output_token_logprobs: [
          [-1, 97, null],
          [-1, 98, null],
        ],
      },
    });
  });

  it('ignores fields that ask for nothing', async () => {
    const nothing = {
      lora_path: null,
      image_data: [],
      return_hidden_states: false,
      return_routed_experts: false,
      data_parallel_rank: 0,
      model: 'whatever',
      log_metrics: true,
      http_worker_ipc: 'x',
    };
    expect((await server.ask('/generate', { text: 'a', ...nothing, ...limit(1) })).status).toBe(200);
  });

  it('takes null for every optional field', async () => {
    const nulls = Object.fromEntries(
      [
        'input_ids',
        'rid',
        'return_logprob',
        'logprob_start_len',
        'top_logprobs_num',
        'stream',
        'priority',
      ].map((name) => [name, null]),
    );
    expect((await server.ask('/generate', { text: 'a', sampling_params: null, ...nulls })).status).toBe(200);
  });

  it('is compact JSON with null for what JSON cannot say', async () => {
    server.scheduler.isHolding = true;
    const reply = server.post('/generate', { input_ids: [1], rid: 'r', return_logprob: true });
    await server.scheduler.until('generate');
    const outputLogprobs = [{ token: [-Infinity, 97] as const, top: null, chosen: null }];
    server.scheduler.emit('r', 'a', { type: 'length', length: 1 }, { outputLogprobs });
    const text = await (await reply).text();
    expect(text).toContain('"output_token_logprobs":[[null,97,null]]');
  });
});

describe('log-probabilities', () => {
  const meta = async (body: object) => {
    const reply = (await server.ask('/generate', body)).body as { meta_info: Record<string, unknown> };
    return Object.fromEntries(Object.entries(reply.meta_info).filter(([name]) => name.includes('logprobs')));
  };

  it('are absent unless asked for', async () => {
    expect(await meta({ text: 'a', top_logprobs_num: 2, token_ids_logprob: [1], ...limit(1) })).toEqual({});
  });

  it('cover the last prompt token and the output by default', async () => {
    expect(await meta({ input_ids: [5, 6], return_logprob: true, ...limit(2) })).toEqual({
      input_token_logprobs: [[null, 6, null]],
      output_token_logprobs: [
        [-1, 97, null],
        [-1, 98, null],
      ],
    });
  });

  it('have one key for each thing asked for, with texts on demand', async () => {
    const body = {
      text: 'pq',
      return_logprob: true,
      logprob_start_len: 1,
      top_logprobs_num: 2,
      token_ids_logprob: [98, 257],
      return_text_in_logprobs: true,
      ...limit(1),
    };
    const chosen = [
      [-9, 98, 'b'],
      [-9, 257, '</s>'],
    ];
    expect(await meta(body)).toEqual({
      input_token_logprobs: [
        [null, 112, 'p'],
        [-2, 113, 'q'],
      ],
      output_token_logprobs: [[-1, 97, 'a']],
      input_top_logprobs: [
        null,
        [
          [-2, 97, 'a'],
          [-3, 98, 'b'],
        ],
      ],
      output_top_logprobs: [
        [
          [-1, 97, 'a'],
          [-2, 98, 'b'],
        ],
      ],
      input_token_ids_logprobs: [null, chosen],
      output_token_ids_logprobs: [chosen],
    });
  });

  it('are differently asked for by the requests of a batch', async () => {
    const { body } = await server.ask('/generate', {
      input_ids: [[1], [2]],
      return_logprob: [true, false],
      top_logprobs_num: [1, 0],
      ...limit(1),
    });
    const [first, second] = body as { meta_info: object }[];
    expect(first?.meta_info).toHaveProperty('output_top_logprobs');
    expect(second?.meta_info).not.toHaveProperty('output_token_logprobs');
  });
});

describe('a stream', () => {
  it('is cumulative and ends with [DONE]', async () => {
    const { reply, events } = await server.stream('/generate', { text: 'hi', stream: true, ...limit(3) });
    expect(reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(events).toMatchObject([
      { text: 'a', output_ids: [97], meta_info: { finish_reason: null, completion_tokens: 1 } },
      { text: 'ab', output_ids: [97, 98], meta_info: { finish_reason: null, completion_tokens: 2 } },
      { text: 'abc', output_ids: [97, 98, 99], meta_info: { finish_reason: { type: 'length', length: 3 } } },
      '[DONE]',
    ]);
    const [first, , last] = events as { meta_info: object; index?: number }[];
    expect(first?.meta_info).toHaveProperty('response_sent_to_client_ts');
    expect(first?.meta_info).not.toHaveProperty('e2e_latency');
    expect(last?.meta_info).not.toHaveProperty('response_sent_to_client_ts');
    expect(last?.meta_info).toHaveProperty('e2e_latency');
    expect(first).not.toHaveProperty('index');
  });

  it('has disjoint ids and cumulative text with --stream-output', async () => {
    await restart({ args: { streamOutput: true } });
    const { events } = await server.stream('/generate', { text: 'hi', stream: true, ...limit(3) });
    expect(events).toMatchObject([
      { text: 'a', output_ids: [97] },
      { text: 'ab', output_ids: [98] },
      { text: 'abc', output_ids: [99] },
      '[DONE]',
    ]);
  });

  it('interleaves a batch, each chunk with its index', async () => {
    const { events } = await server.stream('/generate', { text: ['a', 'b'], stream: true, ...limit(2) });
    expect(events).toMatchObject([
      { index: 0, text: 'a' },
      { index: 1, text: 'a' },
      { index: 0, text: 'ab' },
      { index: 1, text: 'ab' },
      '[DONE]',
    ]);
    expect((await server.stream('/generate', { text: [], stream: true })).events).toEqual(['[DONE]']);
  });

  it('gives each sample of n its index', async () => {
    const sampling_params = { n: 2, max_new_tokens: 1 };
    const { events } = await server.stream('/generate', { text: 'a', stream: true, sampling_params });
    expect(events).toMatchObject([{ index: 0 }, { index: 1 }, '[DONE]']);
  });

  it('accumulates log-probabilities', async () => {
    const body = { input_ids: [5], stream: true, return_logprob: true, ...limit(2) };
    expect((await server.stream('/generate', body)).events).toMatchObject([
      { meta_info: { input_token_logprobs: [[null, 5, null]], output_token_logprobs: [[-1, 97, null]] } },
      {
        meta_info: {
          input_token_logprobs: [[null, 5, null]],
          output_token_logprobs: [
            [-1, 97, null],
            [-1, 98, null],
          ],
        },
      },
      '[DONE]',
    ]);
  });

  it('tells of a refused value in an event', async () => {
    const { reply, events } = await server.stream('/generate', {
      text: 'a',
      stream: true,
      sampling_params: { temperature: -1 },
    });
    expect(reply.status).toBe(200);
    expect(events).toEqual([{ error: { message: 'temperature must be non-negative, got -1.' } }, '[DONE]']);
    expect(logged).toContain('[http_server] Error: temperature must be non-negative, got -1.');
  });

  it('is not begun for a body of the wrong form', async () => {
    const body = { text: 'a', stream: true, sampling_params: { temperature: 'hot' } };
    expect(await server.ask('/generate', body)).toMatchObject({
      status: 400,
      body: { object: 'error', message: 'sampling_params.temperature: must be a number' },
    });
  });

  it('shows a refusal of the scheduler as its last chunk', async () => {
    server.scheduler.isHolding = true;
    const stream = server.stream('/generate', { text: 'a', rid: 'r', stream: true });
    await server.scheduler.until('generate');
    server.scheduler.emit('r', '', {
      type: 'abort',
      message: 'The request queue is full.',
      status_code: 503,
    });
    expect((await stream).events).toMatchObject([
      {
        meta_info: {
          finish_reason: { type: 'abort', status_code: 503, message: 'The request queue is full.' },
        },
      },
      '[DONE]',
    ]);
  });
});

describe('errors', () => {
  it.each([
    [{}, 'Either text or input_ids should be provided.'],
    [{ input_ids: [] }, 'input_ids cannot be empty.'],
    [{ input_ids: [260] }, 'Token ID 260 is out of vocabulary (vocab size: 260)'],
    [{ text: 'a', sampling_params: { foo: 1 } }, 'sampling_params has unknown key "foo".'],
    [{ text: 'a', sampling_params: { max_new_tokens: -1 } }, 'max_new_tokens must be at least 0, got -1.'],
    [
      { text: 'a', sampling_params: { max_tokens: 1, top_P: 1 } },
      'sampling_params has unknown keys "max_tokens" (did you mean max_new_tokens?), "top_P" (did you mean top_p?).',
    ],
    [{ text: 'a', input_ids: [1] }, 'text and input_ids cannot be provided at the same time'],
    [{ text: 'a', input_embeds: [[0.5]] }, 'input_embeds is not available on this server.'],
    [{ text: 'a', image_data: 'http://x/y.png' }, 'image_data is not available on this server.'],
    [{ text: 'a', lora_path: 'x' }, 'lora_path is not available on this server.'],
    [{ text: 'a', session_params: { id: 'x' } }, 'Invalid request: session id x does not exist'],
    [
      { text: ['a', 'b'], session_params: { id: 'x' } },
      'session_params cannot be used with several prompts: a session goes on with one request at a time.',
    ],
    [
      { text: ['a', 'b'], session_params: [{ id: 'x' }, { id: 'x' }] },
      'session_params: must be one object, because a session goes on with one request at a time.',
    ],
    [
      { text: 'a', return_hidden_states: [false, true] },
      'return_hidden_states is not available on this server.',
    ],
    [{ text: 'a', return_routed_experts: true }, 'return_routed_experts is not available on this server.'],
    [{ text: 'a', return_entropy: true }, 'return_entropy is not available on this server.'],
    [{ text: 'a', custom_logit_processor: 'x' }, 'custom_logit_processor is not available on this server.'],
    [{ text: ['a', 'b'], extra_key: ['x'] }, 'The length of extra_key should be equal to the batch size.'],
  ])('of value are native: %j', async (body, message) => {
    expect(await server.ask('/generate', body)).toEqual({ status: 400, body: { error: { message } } });
    expect(logged).toContain(`[http_server] Error: ${message}`);
    expect(server.scheduler.received).toEqual([]);
  });

  it.each([
    [{ sampling_param: {} }, 'sampling_param: unknown field, did you mean sampling_params?'],
    [{ max_new_tokens: 3 }, 'max_new_tokens: belongs in sampling_params'],
    [{ maxNewTokens: 3 }, 'maxNewTokens: unknown field, did you mean sampling_params.max_new_tokens?'],
    [{ prompt: 'a' }, 'prompt: unknown field'],
    [{ Stream: true }, 'Stream: unknown field, did you mean stream?'],
    [{ zzz: null, yyy: 1, stream: 3 }, 'zzz: unknown field; yyy: unknown field'],
    [{ ['x'.repeat(100)]: 1 }, `${'x'.repeat(64)}…: unknown field`],
  ])('name a field that nobody knows: %j', async (fields, message) => {
    const body = { object: 'error', message, type: 'Bad Request', param: null, code: 400 };
    expect(await server.ask('/generate', { text: 'a', ...fields })).toEqual({ status: 400, body });
    expect(server.scheduler.received).toEqual([]);
  });

  it('never make a second line in the log', async () => {
    const forged = 'x\r\n[2026-01-01 00:00:00] All is well';
    const bodies = [{ [forged]: 1 }, { rid: forged }, { sampling_params: { stop_regex: `(${forged}` } }];
    for (const body of bodies)
      expect((await server.ask('/generate', { text: 'a', ...body })).status).toBe(400);
    expect(logged).toHaveLength(3);
    expect(logged.filter((line) => /[\r\n]/.test(line))).toEqual([]);
  });

  it('name what looks like a way into the prototype', async () => {
    const raw = '{"text": "a", "__proto__": {"stream": true}, "sampling_params": {"max_new_tokens": 1}}';
    expect((await server.ask('/generate', raw)).body).toMatchObject({ message: '__proto__: unknown field' });
  });

  it('of the scheduler have its status', async () => {
    server.scheduler.isHolding = true;
    const ask = async (status_code: number) => {
      const reply = server.ask('/generate', { text: 'a', rid: 'r' });
      await server.scheduler.until('generate', server.scheduler.all('generate').length + 1);
      server.scheduler.emit('r', '', { type: 'abort', message: 'no', status_code });
      return reply;
    };
    expect(await ask(400)).toEqual({ status: 400, body: { error: { message: 'no' } } });
    const full = server.post('/generate', { text: 'a', rid: 'full' });
    await server.scheduler.until('generate', server.scheduler.all('generate').length + 1);
    server.scheduler.emit('full', '', { type: 'abort', message: 'no', status_code: 503 });
    expect((await full).headers.get('retry-after')).toBe('1');
    for (const code of [503, 500]) {
      const body = { object: 'error', message: 'no', type: String(code), param: null, code };
      expect(await ask(code)).toEqual({ status: code, body });
    }
  });

  it('are not what an abort without status is', async () => {
    server.scheduler.isHolding = true;
    const reply = server.ask('/generate', { text: 'a', rid: 'r' });
    await server.scheduler.until('generate');
    await server.post('/abort_request', { rid: 'r' });
    expect(await reply).toMatchObject({
      status: 200,
      body: {
        meta_info: {
          finish_reason: { type: 'abort', message: 'Aborted', status_code: null, err_type: null },
        },
      },
    });
  });

  it('name the duplicate of a running request', async () => {
    server.scheduler.isHolding = true;
    const running = server.post('/generate', { text: 'a', rid: 'r' });
    await server.scheduler.until('generate');
    const { status, body } = await server.ask('/generate', { text: 'a', rid: 'r' });
    expect({ status, body }).toEqual({
      status: 400,
      body: { error: { message: 'Duplicate request ID: r is in use.' } },
    });
    server.manager.abortAll();
    await running;
  });
});

describe('wrong types', () => {
  const isList = (is: (value: unknown) => boolean) => (value: unknown) =>
    Array.isArray(value) && value.every(is);
  const oneOrList = (is: (value: unknown) => boolean) => (value: unknown) => is(value) || isList(is)(value);
  const isText = (value: unknown) => typeof value === 'string';
  const isFlag = (value: unknown) => typeof value === 'boolean';
  const isIds = isList(Number.isSafeInteger);
  const LEGAL: Record<string, (value: unknown) => boolean> = {
    text: oneOrList(isText),
    input_ids: (value) => isIds(value) || isList(isIds)(value),
    sampling_params: oneOrList(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    ),
    rid: oneOrList(isText),
    return_logprob: oneOrList(isFlag),
    logprob_start_len: oneOrList(Number.isSafeInteger),
    top_logprobs_num: oneOrList(Number.isSafeInteger),
    token_ids_logprob: (value) => isIds(value) || isList(isIds)(value),
    return_text_in_logprobs: isFlag,
    stream: isFlag,
    background: isFlag,
    priority: Number.isSafeInteger,
    routing_key: isText,
    extra_key: oneOrList(isText),
    no_logs: isFlag,
  };

  it('are a 400 that names the field', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(LEGAL)),
        fc.jsonValue({ maxDepth: 2 }),
        async (name, value) => {
          fc.pre(value !== null && !LEGAL[name]?.(value));
          const { status, body } = await server.ask('/generate', { text: 'a', [name]: value });
          const message = expect.stringMatching(new RegExp(`^${name}: must be `)) as string;
          expect({ status, body }).toEqual({
            status: 400,
            body: { object: 'error', message, type: 'Bad Request', param: null, code: 400 },
          });
        },
      ),
      { numRuns: 150 },
    );
    expect(server.scheduler.received).toEqual([]);
  });

  it('never make it past the door, whatever the body', async () => {
    const names = fc.constantFrom(...Object.keys(LEGAL), 'image_data', 'session_params');
    await fc.assert(
      fc.asyncProperty(fc.dictionary(names, fc.jsonValue({ maxDepth: 3 })), async (body) => {
        const reply = await server.post('/generate', body);
        await reply.text();
        expect([200, 400]).toContain(reply.status);
      }),
      { numRuns: 150 },
    );
    expect(logged.filter((line) => line.includes('failed'))).toEqual([]);
  });
});

describe('a client that leaves', () => {
  it.each([true, false])('has its request aborted at once (stream %p)', async (stream) => {
    server.scheduler.isHolding = true;
    const client = new AbortController();
    const body = { text: ['a', 'b'], rid: 'r', stream };
    const reply = server.post('/generate', body, { signal: client.signal }).then((r) => r.text());
    const left = expect(reply).rejects.toThrow();
    await server.scheduler.until('generate', 2);
    if (stream) server.scheduler.emit('r_0', 'x');
    await tick();
    client.abort();
    await left;
    await server.scheduler.until('abort', 2);
    expect(server.scheduler.all('abort').map(({ rid }) => rid)).toEqual(['r_0', 'r_1']);
    while (server.manager.pendingRids.length > 0) await tick();
    expect(logged.filter((line) => line.includes('Error') || line.includes('failed'))).toEqual([]);
  });

  it('does not end a background request', async () => {
    server.scheduler.isHolding = true;
    const client = new AbortController();
    const body = { text: 'a', rid: 'r', background: true };
    const reply = server.post('/generate', body, { signal: client.signal });
    await server.scheduler.until('generate');
    client.abort();
    await expect(reply).rejects.toThrow();
    // A request of another connection comes after the closing of the first has been seen.
    await server.get('/ping');
    await tick();
    expect(server.scheduler.all('abort')).toEqual([]);
    expect(server.manager.pendingRids).toEqual(['r']);
    server.scheduler.emit('r', 'x', { type: 'length', length: 1 });
    expect(server.manager.pendingRids).toEqual([]);
  });

  it('has nothing aborted after its reply', async () => {
    await server.stream('/generate', { text: 'a', stream: true, ...limit(2) });
    await server.ask('/generate', { text: 'a', ...limit(2) });
    await tick();
    expect(server.scheduler.all('abort')).toEqual([]);
  });
});

it('waits for a client that reads slowly, and loses nothing', async () => {
  server.scheduler.isHolding = true;
  const reply = await (async () => {
    const pending = server.post('/generate', { text: 'a', rid: 'r', stream: true });
    await server.scheduler.until('generate');
    return pending;
  })();
  // Far more than the sockets hold: cumulative chunks of up to 400 kB.
  const piece = 'y'.repeat(4000);
  for (let i = 0; i < 100; i++) {
    server.scheduler.emit('r', piece);
    await tick();
  }
  server.scheduler.emit('r', 'z', { type: 'length', length: 400_001 });
  const events = (await reply.text()).trimEnd().split('\n\n');
  expect(events.at(-1)).toBe('data: [DONE]');
  const last = JSON.parse(events.at(-2)?.slice('data: '.length) ?? '') as {
    text: string;
    output_ids: number[];
  };
  expect(last.text).toHaveLength(400_001);
  expect(last.output_ids).toHaveLength(400_001);
  expect(events.length).toBeLessThan(102);
});

it('puts the begin-of-sequence token before a text', async () => {
  await server.ask('/generate', { text: 'hi', ...limit(1) });
  expect(server.scheduler.all('generate')[0]?.inputIds[0]).toBe(BOS);
});
