import fc from 'fast-check';
import OpenAI from 'openai';
import { answer, expectClean, generate, greedy, plain, promptIds } from './client';
import { launch, TEST_MODEL, type Server } from './harness';

let server: Server;
beforeAll(async () => void (server = await launch()));

describe('/v1/models, by the official client', () => {
  const client = () => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });

  test('lists the one model', async () => {
    const models = [];
    for await (const model of client().models.list()) models.push(model);
    expect(models).toEqual([
      {
        id: TEST_MODEL,
        object: 'model',
        created: expect.any(Number),
        owned_by: 'sglang',
        root: TEST_MODEL,
        parent: null,
        max_model_len: 2048,
      },
    ]);
  });

  test('describes it by name, and no other', async () => {
    expect((await client().models.retrieve(TEST_MODEL)).owned_by).toBe('sglang');
    await expect(client().models.retrieve('nobody')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      message: expect.stringContaining("The model 'nobody' does not exist"),
    });
  });
});

describe('/server_info', () => {
  test.each(['/server_info', '/get_server_info'])('%s has the types that clients count on', async (path) => {
    const { status, body } = await answer(server.fetch(path));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      model_path: TEST_MODEL,
      version: expect.any(String),
      status: 'ready',
      disaggregation_mode: 'null',
      max_total_num_tokens: expect.any(Number),
      max_req_input_len: 2042,
      internal_states: [
        {
          last_gen_throughput: expect.any(Number),
          effective_max_running_requests_per_dp: expect.any(Number),
          memory_usage: {
            weight: expect.any(Number),
            kvcache: expect.any(Number),
            token_capacity: expect.any(Number),
          },
        },
      ],
    });
  });

  test('answers several at a time, also while requests run', async () => {
    const work = generate(server, { input_ids: promptIds(20), sampling_params: greedy(500) });
    const replies = await Promise.all([1, 2, 3, 4].map(() => answer(server.fetch('/get_server_info'))));
    for (const { status, body } of replies) {
      expect(status).toBe(200);
      expect(body).toMatchObject({ max_total_num_tokens: expect.any(Number) });
    }
    await work;
    expect(server.stderr).toContain("Endpoint '/get_server_info' is deprecated");
  });

  test('/model_info tells what is served', async () => {
    expect(await answer(server.fetch('/model_info'))).toEqual({
      status: 200,
      body: {
        model_path: TEST_MODEL,
        tokenizer_path: TEST_MODEL,
        is_generation: true,
        preferred_sampling_params: null,
        weight_version: 'default',
        has_image_understanding: false,
        has_audio_understanding: false,
        model_type: 'qwen2',
        architectures: ['Qwen2ForCausalLM'],
      },
    });
  });
});

describe('/tokenize and /detokenize', () => {
  const tokenize = async (body: object) =>
    (await (await server.post('/tokenize', body)).json()) as {
      tokens: number[];
      count: number;
      max_model_len: number;
    };
  const detokenize = async (body: object) =>
    ((await (await server.post('/detokenize', body)).json()) as { text: string }).text;

  test.each(['Hello SGL Runtime!', '', 'Mixed: naïve café, 東京 and 🙂\n\ttabs', ' leading and trailing '])(
    'give %j back',
    async (prompt) => {
      const { tokens, count, max_model_len } = await tokenize({ prompt });
      expect(count).toBe(tokens.length);
      expect(max_model_len).toBe(2048);
      expect(await detokenize({ tokens })).toBe(prompt);
    },
  );

  test('take lists', async () => {
    const prompts = ['first', 'the second one'];
    const reply = await answer(server.post('/v1/tokenize', { prompt: prompts }));
    const { tokens, count } = reply.body as { tokens: number[][]; count: number[] };
    expect(count).toEqual(tokens.map(({ length }) => length));
    expect(await answer(server.post('/v1/detokenize', { tokens }))).toEqual({
      status: 200,
      body: { text: prompts },
    });
  });

  test('agree with what /generate counts', async () => {
    const { count } = await tokenize({ prompt: 'Once upon a time' });
    const { meta_info } = await generate(server, { text: 'Once upon a time', sampling_params: greedy(1) });
    expect(meta_info.prompt_tokens).toBe(count);
  });

  test('skip special tokens unless told otherwise', async () => {
    const tokens = [...(await tokenize({ prompt: 'word' })).tokens, 511];
    expect(await detokenize({ tokens })).toBe('word');
    expect(await detokenize({ tokens, skip_special_tokens: false })).toBe('word<|im_end|>');
  });

  test('refuse what is neither', async () => {
    const status = async (path: string, body: object) => (await plain(server.post(path, body))).status;
    expect(await status('/tokenize', { prompt: 12345 })).toBe(400);
    expect(await status('/tokenize', {})).toBe(400);
    expect(await status('/detokenize', { tokens: 'not ids' })).toBe(400);
    expect(await status('/detokenize', { tokens: [1, 'two'] })).toBe(400);
    expect(await status('/detokenize', { tokens: [-1] })).toBe(500);
    expect(await detokenize({ tokens: [] })).toBe('');
  });
});

describe('what is no request', () => {
  const send = (init: RequestInit, path = '/generate') =>
    answer(server.fetch(path, { method: 'POST', ...init }));
  const invalid = { status: 400, body: { object: 'error', type: 'Bad Request', param: null, code: 400 } };
  const json = { 'content-type': 'application/json' };

  test.each(['{"text": "hi"', 'null', '[]', '"text"', '{"text": 1}', '{"input_ids": ["a"]}', '\u0000'])(
    'the body %j',
    async (body) => {
      expect(await send({ body, headers: json })).toMatchObject(invalid);
    },
  );

  test('another content type', async () => {
    const body = JSON.stringify({ input_ids: [5] });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await send({ body, headers: form })).toMatchObject(invalid);
    expect(await send({ body: '{"prompt":"x"}', headers: form }, '/tokenize')).toMatchObject({
      ...invalid,
      body: { message: "Unsupported Media Type: Only 'application/json' is allowed" },
    });
    // Without any, it is read as JSON.
    const bytes = new TextEncoder().encode(JSON.stringify({ input_ids: [5], sampling_params: greedy(1) }));
    expect((await send({ body: bytes })).status).toBe(200);
  });

  test('a body that is too large', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(33 * 1024 * 1024) });
    expect((await send({ body, headers: json })).status).toBe(413);
  });

  test('an unknown route or method', async () => {
    expect(await answer(server.fetch('/no/such/route'))).toEqual({
      status: 404,
      body: { detail: 'Not Found' },
    });
    expect(await answer(server.fetch('/generate'))).toEqual({
      status: 405,
      body: { detail: 'Method Not Allowed' },
    });
    expect((await answer(server.fetch('/weight_version'))).status).toBe(404);
  });

  test('an unknown sampling parameter is named', async () => {
    const { status, body } = await answer(
      server.post('/generate', { input_ids: [5], sampling_params: { temprature: 1 } }),
    );
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain('temprature');
  });
});

/** Values that a client may send for a field, sensible ones and others. */
function field(...sensible: unknown[]): fc.Arbitrary<unknown> {
  const strange = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(null, -1, 0, 1e9, 1e300, 0.5, true, '', [], {}, [[]], [null], '\ud800'),
  );
  return mostly(fc.constantFrom(...sensible), strange);
}

function mostly(sensible: fc.Arbitrary<unknown>, strange: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 30, arbitrary: sensible }, { weight: 1, arbitrary: strange });
}

/** Never more than a few tokens, so that what is valid is done quickly. */
const samplingParams = fc.record(
  {
    max_new_tokens: mostly(fc.constantFrom(0, 1, 2, 3, 8), fc.constantFrom(-1, 1e9, 2.5, 'many')),
    n: mostly(fc.constantFrom(1, 2, 3), fc.constantFrom(0, -1, 1e9, 'two')),
    min_new_tokens: field(0, 1),
    temperature: field(0, 0.7, 1, 2),
    top_p: field(1, 0.5, 1e-9),
    top_k: field(-1, 1, 5, 1000),
    min_p: field(0, 0.2, 1),
    frequency_penalty: field(0, -2, 1.5),
    presence_penalty: field(0, -2, 1.5),
    repetition_penalty: field(1, 0.5, 2),
    stop: field(null, 'e', ['a', 'the']),
    stop_token_ids: field(null, [5, 6]),
    stop_regex: field(null, 'a+b', '[0-9]'),
    ignore_eos: field(true, false),
    skip_special_tokens: field(true, false),
    no_stop_trim: field(true, false),
    logit_bias: field({ '5': 1 }, { '7': -100 }),
    sampling_seed: field(1, 2),
    stream_interval: field(1, 4),
    json_schema: fc.constant(null),
  },
  { requiredKeys: ['max_new_tokens'] },
);

const options = {
  return_text_in_logprobs: field(true, false),
  stream: field(true, false),
  rid: field(null),
  priority: field(null, 1),
  routing_key: field(null, 'r'),
  lora_path: field(null),
  log_metrics: field(true),
};

/** Bodies for one prompt, for two prompts, and for anything. */
const generateBody = fc.oneof(
  fc.record(
    {
      ...options,
      input_ids: field([5, 6, 7], [0], [511]),
      sampling_params: samplingParams,
      return_logprob: field(true, false),
      logprob_start_len: field(-1, 0, 1),
      top_logprobs_num: field(0, 2, 512),
      token_ids_logprob: field(null, [1, 2]),
      extra_key: field(null, 'k'),
    },
    { requiredKeys: ['input_ids', 'sampling_params'] },
  ),
  fc.record(
    {
      ...options,
      text: field(['one', 'two'], ['naïve 🙂', ' ']),
      sampling_params: mostly(samplingParams, fc.array(samplingParams, { minLength: 1, maxLength: 3 })),
      return_logprob: field(true, [true, false]),
      logprob_start_len: field(0, [0, 1]),
      top_logprobs_num: field(2, [1, 2]),
      token_ids_logprob: field([1, 2], [[1], [2]]),
      extra_key: field('k', ['k', 'l']),
    },
    { requiredKeys: ['text', 'sampling_params'] },
  ),
  fc.record(
    {
      text: field('hi'),
      input_ids: field([5]),
      sampling_params: fc.jsonValue({ maxDepth: 2 }),
      stream: fc.jsonValue(),
    },
    { requiredKeys: ['sampling_params'] },
  ),
);

test('a name that is no Unicode is refused, a pair of surrogates is not', async () => {
  const body = (rid: string) => ({ input_ids: promptIds(4), rid, sampling_params: greedy(2) });
  expect(await plain(server.post('/generate', body('\ud800')))).toEqual({
    status: 400,
    text: '{"error":{"message":"rid must be well-formed Unicode."}}',
  });
  expect((await generate(server, body('😀'))).meta_info.id).toBe('😀');
});

test('no body makes the server fail', async () => {
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(generateBody, { minLength: 4, maxLength: 4 }), async (bodies) => {
      const replies = await Promise.all(bodies.map(async (body) => plain(server.post('/generate', body))));
      for (const { status, text } of replies) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status !== 200 && !(status >= 400 && status < 500)) throw new Error(`status ${status}: ${text}`);
        if (text.includes('Internal Server Error')) throw new Error(text);
      }
    }),
    { numRuns: 150 },
  );
  // The bodies are neither all refused nor all served.
  expect(statuses.get(200)).toBeGreaterThan(50);
  expect(statuses.get(400)).toBeGreaterThan(50);
  expect(server.stderr).not.toMatch(/failed: |could not be decoded/);
  await expectClean(server);
  expect(
    (await generate(server, { text: 'hi', sampling_params: greedy(3) })).meta_info.completion_tokens,
  ).toBe(3);
});

test('a key beyond ASCII and an IPv6 address in brackets serve, warm-up included', async () => {
  const own = await launch(['--api-key', 'clé-鍵', '--host', '[::1]']);
  expect(own.stderr).toContain(`Uvicorn running on http://[::1]:${own.port} `);
  const base = `http://[::1]:${own.port}`;
  const ask = (key: string) =>
    fetch(`${base}/model_info`, {
      headers: { authorization: Buffer.from(`Bearer ${key}`).toString('latin1') },
    });
  expect((await fetch(`${base}/health_generate`)).status).toBe(200);
  expect((await ask('clé-鍵')).status).toBe(200);
  expect((await ask('clé-鍶')).status).toBe(401);
  own.signal('SIGTERM');
  expect(await own.exit()).toBe(0);
});
