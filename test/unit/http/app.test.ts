import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import OpenAI from 'openai';
import { accessLogger } from '../../../src/logging/logger';
import { captureLog } from '../capture-log';
import { FACTS } from '../tokenizer-manager/fixtures';
import { TestServer } from './test-server';

const openaiError = (message: string, code: string | null = null) => ({
  object: 'error',
  message,
  type: expect.any(String) as string,
  param: null,
  code: expect.any(Number) as number,
  error: { message, type: 'invalid_request_error', param: null, code },
});

const tick = () => new Promise((resolve) => setImmediate(resolve));

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

/** All that comes back on a connection of its own, until the server ends it. */
function talk(url: string, say: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => say(socket));
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.on('end', () => resolve(received));
    socket.on('error', reject);
  });
}

async function restart(options: Parameters<typeof TestServer.start>[0]): Promise<void> {
  await server.close();
  server = await TestServer.start(options);
}

/** An error in the words of the API that a path belongs to. */
function errorAt(path: string, message: string): object {
  if (path.startsWith('/v1/messages')) {
    return { type: 'error', error: { type: 'invalid_request_error', message } };
  }
  if (path.startsWith('/api/')) return { error: message };
  if (path.endsWith('/rerank') && !path.startsWith('/v1/')) return { message };
  if (path === '/predict' || path === '/embed') return { error: message, error_type: 'Validation' };
  return path.startsWith('/v1/') && path !== '/v1/loads' ? openaiError(message) : { detail: message };
}

describe('the routes', () => {
  /** Path → methods and level, as the API promises them. */
  const PROMISED: Record<string, [methods: string[], level: string]> = {
    '/': [['GET'], 'open'],
    '/docs': [['GET'], 'open'],
    '/openapi.json': [['GET'], 'open'],
    '/assets/:name': [['GET'], 'open'],
    '/health': [['GET'], 'open'],
    '/health_generate': [['GET'], 'open'],
    '/generate': [['POST', 'PUT'], 'normal'],
    '/open_session': [['GET', 'POST'], 'normal'],
    '/close_session': [['GET', 'POST'], 'normal'],
    '/encode': [['POST', 'PUT'], 'normal'],
    '/classify': [['POST', 'PUT'], 'normal'],
    '/model_info': [['GET'], 'normal'],
    '/get_model_info': [['GET'], 'normal'],
    '/server_info': [['GET'], 'normal'],
    '/get_server_info': [['GET'], 'normal'],
    '/get_weight_version': [['GET'], 'normal'],
    '/weight_version': [['GET'], 'normal'],
    '/get_load': [['GET'], 'normal'],
    '/v1/loads': [['GET'], 'normal'],
    '/flush_cache': [['GET', 'POST'], 'admin_optional'],
    '/configure_logging': [['GET', 'POST'], 'admin_optional'],
    '/start_profile': [['GET', 'POST'], 'admin_optional'],
    '/stop_profile': [['GET', 'POST'], 'admin_optional'],
    '/start_expert_distribution_record': [['GET', 'POST'], 'admin_optional'],
    '/stop_expert_distribution_record': [['GET', 'POST'], 'admin_optional'],
    '/dump_expert_distribution_record': [['GET', 'POST'], 'admin_optional'],
    '/set_trace_level': [['GET', 'POST'], 'admin_optional'],
    '/abort_request': [['POST'], 'admin_optional'],
    '/pause_generation': [['POST'], 'admin_optional'],
    '/continue_generation': [['POST'], 'admin_optional'],
    '/update_weights_from_disk': [['POST'], 'admin_optional'],
    '/update_weights': [['POST'], 'admin_optional'],
    '/update_weight_version': [['POST'], 'admin_optional'],
    '/get_weights_by_name': [['GET', 'POST'], 'admin_optional'],
    '/release_memory_occupation': [['GET', 'POST'], 'admin_optional'],
    '/resume_memory_occupation': [['GET', 'POST'], 'admin_optional'],
    '/tokenize': [['POST'], 'normal'],
    '/separate_reasoning': [['POST'], 'normal'],
    '/detokenize': [['POST'], 'normal'],
    '/v1/tokenize': [['POST'], 'normal'],
    '/v1/detokenize': [['POST'], 'normal'],
    '/parse_function_call': [['POST'], 'normal'],
    '/v1/completions': [['POST'], 'normal'],
    '/v1/chat/completions': [['POST'], 'normal'],
    '/v1/embeddings': [['POST'], 'normal'],
    '/v1/classify': [['POST'], 'normal'],
    '/v1/rerank': [['POST', 'PUT'], 'normal'],
    '/v2/rerank': [['POST'], 'normal'],
    '/rerank': [['POST'], 'normal'],
    '/predict': [['POST'], 'normal'],
    '/v1/score': [['POST'], 'normal'],
    '/embed': [['POST'], 'normal'],
    '/v1/responses': [['POST'], 'normal'],
    '/v1/responses/:id': [['GET', 'DELETE'], 'normal'],
    '/v1/responses/:id/cancel': [['POST'], 'normal'],
    '/v1/responses/:id/input_items': [['GET'], 'normal'],
    '/v1/messages': [['POST'], 'normal'],
    '/v1/messages/count_tokens': [['POST'], 'normal'],
    '/v1/models': [['GET'], 'normal'],
    '/v1/models/*name': [['GET'], 'normal'],
    '/ping': [['GET'], 'normal'],
    '/api/chat': [['POST'], 'normal'],
    '/api/generate': [['POST'], 'normal'],
    '/api/embed': [['POST'], 'normal'],
    '/api/embeddings': [['POST'], 'normal'],
    '/api/tags': [['GET'], 'normal'],
    '/api/ps': [['GET'], 'normal'],
    '/api/version': [['GET'], 'normal'],
    '/api/show': [['POST'], 'normal'],
    '/api/pull': [['POST'], 'normal'],
    '/api/push': [['POST'], 'normal'],
    '/api/create': [['POST'], 'normal'],
    '/api/copy': [['POST'], 'normal'],
    '/api/delete': [['DELETE'], 'normal'],
  };

  it('are the promised ones, each with its declared level', () => {
    const found = server.routes.map(({ path, level }) => [path, level]);
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(Object.entries(PROMISED).map(([path, [, level]]) => [path, level])),
    );
    expect(found).toHaveLength(Object.keys(PROMISED).length);
  });

  it('answer other methods with 405 and the right ones', async () => {
    for (const [path, [methods]] of Object.entries(PROMISED)) {
      const url = server.url + path.replace('*name', 'x');
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
        if (methods.includes(method)) continue;
        const reply = await fetch(url, { method });
        expect([path, method, reply.status]).toEqual([path, method, 405]);
        expect(await reply.json()).toEqual(errorAt(path, 'Method Not Allowed'));
        expect(reply.headers.get('allow')).toBe(methods.join(', '));
      }
    }
  });

  it('are all there is', async () => {
    for (const path of [
      '/nope',
      '/assets/',
      '/assets/none.js',
      '/assets/index.html',
      '/encoded',
      '/v1',
      '/update_weight',
      '/Generate',
    ]) {
      const reply = await server.get(path);
      expect([path, reply.status]).toEqual([path, 404]);
      expect(await reply.json()).toEqual({ detail: 'Not Found' });
    }
    for (const path of ['/v1/', '/v1/chat', '/v1/response']) {
      const reply = await server.get(path);
      expect([path, reply.status]).toEqual([path, 404]);
      expect(await reply.json()).toEqual(openaiError('Not Found', 'unknown_url'));
    }
  });

  it('are found below the prefix of a proxy', async () => {
    await restart({ args: { fastapiRootPath: '/api/', apiKey: 'k' } });
    expect((await server.get('/api/health')).status).toBe(200);
    expect((await server.get('/api/model_info')).status).toBe(401);
    expect((await server.get('/api/model_info', { authorization: 'Bearer k' })).status).toBe(200);
    expect((await server.get('/model_info', { authorization: 'Bearer k' })).status).toBe(200);
    expect((await server.get('/apimodel_info', { authorization: 'Bearer k' })).status).toBe(404);
  });

  it('do not say what serves them', async () => {
    const reply = await server.get('/model_info');
    expect(reply.headers.get('x-powered-by')).toBeNull();
    expect(reply.headers.get('etag')).toBeNull();
  });
});

describe('bodies', () => {
  const validation = (message: string) => ({
    status: 400,
    body: { object: 'error', message, type: 'Bad Request', param: null, code: 400 },
  });
  const post = (body: string, contentType: string | null, path = '/generate') =>
    server.ask(path, Buffer.from(body).toString(), {
      headers: contentType === null ? {} : { 'content-type': contentType },
    });

  it.each(['{"text": ', '{"text": "a"} x', '{"a": NaN}', "{'a': 1}"])('refuses %j', async (body) => {
    const expected = validation('The request body is not valid JSON.');
    expect(await post(body, 'application/json')).toEqual(expected);
  });

  it('refuses an empty one', async () => {
    expect((await post('', 'application/json')).status).toBe(400);
  });

  it.each(['[]', '"text"', '5', 'null', 'true'])('refuses %s for an object', async (body) => {
    expect(await post(body, 'application/json')).toEqual(
      validation('The body must be a JSON object, sent with Content-Type: application/json'),
    );
  });

  it.each(['application/json; charset=utf-8', 'application/vnd.x+json', 'Application/JSON'])(
    'reads %s',
    async (type) => {
      expect((await post('{"text": "a", "sampling_params": {"max_new_tokens": 1}}', type)).status).toBe(200);
    },
  );

  it('reads a body without a type as JSON', async () => {
    const raw = '{"text":"a","sampling_params":{"max_new_tokens":1}}';
    const head = `POST /generate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${raw.length}\r\n\r\n`;
    const text = await talk(server.url, (socket) => socket.write(head + raw));
    expect(text).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data'])(
    'does not read %s',
    async (type) => {
      expect(await post('{"text": "a"}', type)).toEqual(
        validation('The body must be a JSON object, sent with Content-Type: application/json'),
      );
      const message = "Unsupported Media Type: Only 'application/json' is allowed";
      expect(await post('{"prompt": "a"}', type, '/tokenize')).toEqual(validation(message));
    },
  );

  it('refuses what is too large, also after decompression', async () => {
    const huge = `{"text": "${'x'.repeat(33 * 1024 * 1024)}"}`;
    const message = 'The request body is larger than 33554432 bytes.';
    const expected = { status: 413, body: { object: 'error', message, type: '413', param: null, code: 413 } };
    expect(await server.ask('/generate', huge)).toEqual(expected);
    const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' };
    const reply = await fetch(`${server.url}/generate`, { method: 'POST', body: gzipSync(huge), headers });
    expect({ status: reply.status, body: await reply.json() }).toEqual(expected);
  });

  it('refuses what says that it is too large before it comes', async () => {
    const text = await talk(server.url, (socket) => {
      socket.write('POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n\r\n{"text": "');
    });
    expect(text).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/i);
  });

  it('cuts one of unknown length at the limit', async () => {
    let sent = 0;
    const text = await talk(server.url, (socket) => {
      socket.write('POST /generate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
      const mebibyte = `100000\r\n${'x'.repeat(1024 * 1024)}\r\n`;
      const go = () => {
        // Never the last chunk: an answer comes all the same.
        for (; sent < 40 && socket.write(mebibyte); sent++);
        if (sent < 40) socket.once('drain', go);
      };
      go();
    });
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('asks for one that waits to be asked for, unless it is too large', async () => {
    const body = '{"text":"a","sampling_params":{"max_new_tokens":1}}';
    const ask = (length: number) =>
      talk(server.url, (socket) => {
        socket.once('data', (data) => {
          if (data.toString().startsWith('HTTP/1.1 100 Continue')) socket.write(body);
        });
        const head = `Expect: 100-continue\r\nConnection: close\r\nContent-Length: ${length}`;
        socket.write(`POST /generate HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
      });
    expect(await ask(body.length)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    expect(await ask(40_000_000)).toMatch(/^HTTP\/1\.1 413 /);
    await restart({ args: { apiKey: 'k' } });
    expect(await ask(body.length)).toMatch(/^HTTP\/1\.1 401 [^]*Connection: close/i);
  });

  it.each([
    ['a lone byte of a longer character', [0xc3]],
    ['latin1', [0xe9]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['UTF-16', [0xff, 0xfe]],
  ])('refuses bytes that are not UTF-8: %s', async (_, bytes) => {
    const body = Buffer.concat([Buffer.from('{"text": "'), Buffer.from(bytes), Buffer.from('"}')]);
    const headers = { 'content-type': 'application/json' };
    const reply = await fetch(`${server.url}/generate`, { method: 'POST', body, headers });
    expect({ status: reply.status, body: await reply.json() }).toEqual(
      validation('The request body is not valid UTF-8.'),
    );
  });

  it('keeps every character of a text that is UTF-8', async () => {
    const text = '\ufeffé鍵🔑\u0000\ufffd\u2028';
    const reply = await server.ask('/tokenize', { prompt: text, add_special_tokens: false });
    const tokens = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i) & 255);
    expect(reply.body).toMatchObject({ tokens });
  });

  it.each(['gzip', 'deflate', 'br'])('refuses one that is not %s as it says', async (encoding) => {
    const reply = await server.ask('/generate', '{"text": "a"}', {
      headers: { 'content-encoding': encoding },
    });
    expect(reply).toEqual(validation('The request body cannot be decompressed.'));
  });

  it('refuses charsets and encodings that it cannot read', async () => {
    expect(await post('{}', 'application/json; charset=klingon')).toEqual(
      validation('The request body must be UTF-8.'),
    );
    expect(await server.ask('/generate', '{}', { headers: { 'content-encoding': 'zip' } })).toEqual(
      validation('The content encoding of the request body is not supported.'),
    );
  });

  it('is not impressed by deep nesting', async () => {
    for (const name of ['zzz', 'image_data', 'text', 'input_ids', 'received_time']) {
      const deep = `{"text": "a", "${name}": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
      expect([name, (await post(deep, 'application/json')).status]).toEqual([
        name,
        name === 'received_time' ? 200 : 400,
      ]);
    }
    const params = `{"text": "a", "sampling_params": ${'{"n":'.repeat(10_000)}1${'}'.repeat(10_000)}}`;
    expect((await post(params, 'application/json')).status).toBe(400);
  });

  it('refuses a path that cannot be decoded', async () => {
    expect((await server.get('/v1/models/%E0%A4%A')).status).toBe(400);
  });
});

it('tells what is wrong with a body in the dialect of its path', async () => {
  const { status, body } = await server.ask('/v1/tokenize', '{');
  expect([status, body]).toEqual([400, openaiError('The request body is not valid JSON.')]);
});

it('names the one parameter that is at fault in the dialect that has a place for it', async () => {
  const paramOf = async (body: object) =>
    ((await server.ask('/v1/tokenize', body)).body as { error: { param: unknown } }).error.param;
  expect(await paramOf({ prompt: 5 })).toBe('prompt');
  expect(await paramOf({ prompt: 'a', zzz: 1 })).toBe('zzz');
  expect(await paramOf({ prompt: 5, add_special_tokens: 5 })).toBeNull();
});

describe('while draining', () => {
  beforeEach(() => (server.status.phase = 'draining'));

  it('refuses new work and nothing else', async () => {
    const refused = await server.post('/generate', {});
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ message: 'The server is shutting down.', code: 503 });
    expect((await server.get('/model_info')).status).toBe(200);
    expect((await server.post('/abort_request', { rid: 'x' })).status).toBe(200);
    expect((await server.post('/pause_generation', {})).status).toBe(503);
    expect((await server.post('/v1/tokenize', { prompt: 'a' })).status).toBe(503);
  });

  it('takes aborts with a query, and below the prefix of a proxy', async () => {
    await restart({ args: { fastapiRootPath: '/api' } });
    server.status.phase = 'draining';
    for (const path of ['/abort_request?x=1', '/api/abort_request', '/api/abort_request?x=1']) {
      expect([path, (await server.post(path, { rid: 'x' })).status]).toEqual([path, 200]);
    }
    expect((await server.post('/api/generate', { text: 'a' })).status).toBe(503);
  });

  it('answers also whoever is still sending a body', async () => {
    const head = 'POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n';
    const text = await talk(server.url, (socket) => {
      socket.write(head);
      socket.write('x'.repeat(10_000_000));
    });
    expect(text).toMatch(/^HTTP\/1\.1 503 /);
  });
});

describe('X-Request-Id', () => {
  const idOf = async (path: string, body: unknown, id?: string) => {
    const headers: Record<string, string> = id === undefined ? {} : { 'x-request-id': id };
    const reply = await server.post(path, body, { headers });
    await reply.text();
    return reply.headers.get('x-request-id');
  };

  it('of a request is that of its reply, stream or error', async () => {
    const params = { text: 'a', sampling_params: { max_new_tokens: 1 } };
    expect(await idOf('/generate', params, 'trace-1.a')).toBe('trace-1.a');
    expect(await idOf('/generate', { ...params, stream: true }, 'trace-2')).toBe('trace-2');
    expect(await idOf('/generate', '{', 'trace-3')).toBe('trace-3');
    expect(await idOf('/nowhere', {}, 'trace-4')).toBe('trace-4');
  });

  it('is made up where there is none, or none that is safe', async () => {
    const made = /^[0-9a-f-]{36}$/;
    expect(await idOf('/generate', '{')).toMatch(made);
    for (const id of ['x'.repeat(129), 'a b', 'a"b', '<b>', 'é', 'a,b'])
      expect(await idOf('/generate', '{', id)).toMatch(made);
  });
});

it('answers a failure of its own with plain text and logs the trace', async () => {
  jest.spyOn(server.manager, 'internalStates').mockRejectedValue(new Error('secret detail'));
  const reply = await server.get('/server_info');
  expect(reply.status).toBe(500);
  expect(reply.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(await reply.text()).toBe('Internal Server Error');
  expect(logged.join('\n')).toMatch(/GET \/server_info failed: Error: secret detail\n\s+at /);
});

it('says so in the stream when a stream fails', async () => {
  jest.spyOn(server.manager, 'generate').mockRejectedValue(new Error('secret detail'));
  const { events } = await server.stream('/generate', { text: 'a', stream: true });
  expect(events).toEqual([{ error: { message: 'Internal Server Error' } }, '[DONE]']);
  expect(logged.join('\n')).toContain('secret detail');
});

describe('the access log', () => {
  let lines: string[];
  beforeEach(() => {
    lines = [];
    jest.spyOn(accessLogger, 'log').mockImplementation((...parts: unknown[]) => {
      lines.push(String(parts[1]));
      return accessLogger;
    });
  });
  const until = async (count: number) => {
    while (lines.length < count) await tick();
  };

  it('has a line for each reply', async () => {
    await (await server.get('/model_info?x=1')).text();
    await (await server.get('/nope')).text();
    await (await server.post('/generate', { text: 'a', sampling_params: { max_new_tokens: 1 } })).text();
    await until(3);
    expect(lines).toEqual([
      expect.stringMatching(/^INFO: {5}127\.0\.0\.1:\d+ - "GET \/model_info\?x=1 HTTP\/1\.1" 200 OK$/),
      expect.stringMatching(/"GET \/nope HTTP\/1\.1" 404 Not Found$/),
      expect.stringMatching(/"POST \/generate HTTP\/1\.1" 200 OK$/),
    ]);
  });

  it('leaves out the excluded prefixes', async () => {
    await restart({ args: { uvicornAccessLogExcludePrefixes: ['/health', '/get_'] } });
    for (const path of ['/health', '/get_model_info', '/health_generate', '/ping'])
      await (await server.get(path)).text();
    await until(1);
    await tick();
    expect(lines).toEqual([expect.stringContaining('"GET /ping HTTP/1.1" 200 OK')]);
  });
});

describe('information', () => {
  it('about the model has exactly nine keys', async () => {
    const expected = {
      model_path: '/models/tiny',
      tokenizer_path: '/models/tiny',
      is_generation: true,
      preferred_sampling_params: null,
      weight_version: 'default',
      has_image_understanding: false,
      has_audio_understanding: false,
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
    };
    expect(await (await server.get('/model_info')).json()).toEqual(expected);
    expect(logged).toEqual([]);
    expect(await (await server.get('/get_model_info')).json()).toEqual(expected);
    expect(logged).toEqual([
      "Endpoint '/get_model_info' is deprecated and will be removed in a future version. Please use '/model_info' instead.",
    ]);
  });

  it('about the server has the flags, the limits and the state, and no secrets', async () => {
    await restart({ args: { apiKey: 'the-api-key', adminApiKey: 'the-admin-key' } });
    for (const path of ['/server_info', '/get_server_info']) {
      const reply = await server.get(path, { authorization: 'Bearer the-api-key' });
      const text = await reply.text();
      expect(text).not.toMatch(/the-api-key|the-admin-key/);
      expect(JSON.parse(text)).toMatchObject({
        model_path: '/models/tiny',
        schedule_policy: 'fcfs',
        status: 'ready',
        max_total_num_tokens: FACTS.maxTotalNumTokens,
        max_req_input_len: FACTS.maxReqInputLen,
        version: expect.stringMatching(/^\d+\.\d+\.\d+\+sglang\.0\.5\.9$/),
        internal_states: [
          {
            schedule_policy: 'fcfs',
            last_gen_throughput: 12.5,
            memory_usage: { weight: 1, kvcache: 0.5, token_capacity: 1000, graph: 0 },
            effective_max_running_requests_per_dp: 8,
          },
        ],
      });
    }
    expect(logged.filter((line) => line.includes("Please use '/server_info' instead."))).toHaveLength(1);
  });

  it('answers many callers at once', async () => {
    const replies = await Promise.all(Array.from({ length: 8 }, () => server.get('/server_info')));
    expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
  });

  it('about the weight version has moved', async () => {
    for (const path of ['/get_weight_version', '/weight_version']) {
      const reply = await server.get(path);
      expect(reply.status).toBe(404);
      expect(await reply.json()).toEqual({
        object: 'error',
        message:
          "Endpoint '/get_weight_version' or '/weight_version' is deprecated. Please use '/model_info' instead.",
        type: '404',
        param: null,
        code: 404,
      });
    }
  });

  it('answers a ping with nothing', async () => {
    const reply = await server.get('/ping');
    expect([reply.status, await reply.text()]).toEqual([200, '']);
  });
});

describe('models', () => {
  const client = () => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 });

  it('are listed and found by the OpenAI client', async () => {
    const card = {
      id: 'org/tiny',
      object: 'model',
      created: expect.any(Number),
      owned_by: 'sglang',
      root: 'org/tiny',
      parent: null,
      max_model_len: FACTS.contextLen,
    };
    expect((await client().models.list()).data).toEqual([card]);
    expect(await client().models.retrieve('org/tiny')).toEqual(card);
    expect(await (await server.get('/v1/models/org/tiny')).json()).toEqual(card);
  });

  it('of other names do not exist', async () => {
    await expect(client().models.retrieve('other')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    expect(await (await server.get('/v1/models/a%2Fb')).json()).toMatchObject({
      object: 'error',
      type: '404',
      code: 404,
      error: {
        message: "The model 'a/b' does not exist",
        type: 'invalid_request_error',
        param: 'model',
        code: 'model_not_found',
      },
    });
  });

  it('need the key that is set', async () => {
    await restart({ args: { apiKey: 'k' } });
    await expect(client().models.list()).rejects.toMatchObject({ status: 401 });
  });
});
