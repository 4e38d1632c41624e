import OpenAI from 'openai';
import { launch, type Server } from './harness';

/** A server of vectors: `--is-embedding`. What the vectors are is test/model/embedding's business. */

interface Reply {
  readonly embedding: number[];
  readonly meta_info: Readonly<Record<string, unknown>>;
}

let server: Server;
beforeAll(async () => {
  server = await launch(['--is-embedding', '--context-length', '64']);
});

const encode = async (body: unknown) => {
  const reply = await server.post('/encode', body);
  return { status: reply.status, body: await reply.json() };
};

test('one text gives one vector of length 1, with what SGLang says about it', async () => {
  const { status, body } = await encode({ model: 'any', text: 'Once upon a time' });
  const { embedding, meta_info } = body as Reply;
  expect(status).toBe(200);
  expect(embedding.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
  expect(meta_info).toMatchObject({
    finish_reason: { type: 'length', length: 0 },
    weight_version: 'default',
  });
  expect(Object.keys(meta_info).sort()).toEqual(
    [
      'e2e_latency',
      'finish_reason',
      'id',
      'prompt_tokens',
      'response_sent_to_client_ts',
      'total_retractions',
      'weight_version',
    ].sort(),
  );
});

test('a list gives a list, in order, of the same vectors; ids do too', async () => {
  const text = ['Once upon a time', 'One', 'The capital of France is', 'One and one is two'];
  const { body } = await encode({ text, rid: 'list' });
  const replies = body as Reply[];
  expect(replies.map(({ meta_info }) => meta_info['id'])).toEqual(['list_0', 'list_1', 'list_2', 'list_3']);
  for (const [i, one] of text.entries()) {
    const tokens = await server.post('/tokenize', { prompt: one });
    const { tokens: input_ids } = (await tokens.json()) as { tokens: number[] };
    for (const alone of [{ text: one }, { input_ids }]) {
      const { embedding } = (await encode(alone)).body as Reply;
      embedding.forEach((value, at) => expect(value).toBeCloseTo(replies[i]?.embedding[at] ?? NaN, 4));
    }
  }
});

test.each([
  [{}, 'At least one of text, input_ids, or image should be provided'],
  [{ text: 'a', input_ids: [1] }, 'text and input_ids cannot be provided at the same time'],
  [{ text: '' }, 'The prompt is empty: it has no tokens.'],
  [{ input_ids: [] }, 'input_ids cannot be empty.'],
  [{ input_ids: [1, 1_000_000] }, 'Token ID 1000000 is out of vocabulary'],
  [
    { input_ids: new Array(65).fill(5) },
    "The input (65 tokens) is longer than the model's context length (64 tokens).",
  ],
  [{ text: ['a', 'b'], rid: ['x', 'x'] }, 'Duplicate request ID: x is in use.'],
])('refuses %j', async (request, message) => {
  const { status, body } = await encode(request);
  expect(status).toBe(400);
  expect((body as { error: { message: string } }).error.message).toContain(message);
});

test('fields that nobody knows or that are not there are refused, harmless ones are not', async () => {
  expect((await encode({ text: 'a', texts: ['b'] })).body).toMatchObject({
    message: 'texts: unknown field, did you mean text?',
  });
  expect((await encode({ text: 'a', dimensions: 8 })).body).toEqual({
    error: { message: expect.stringContaining('does not support matryoshka representation') as string },
  });
  expect((await encode({ model: 'x', text: 'a', dimensions: null, sampling_params: {} })).status).toBe(200);
});

test('the whole context may be used', async () => {
  expect((await encode({ input_ids: new Array(64).fill(5) })).status).toBe(200);
});

test('it does not generate, and says so', async () => {
  const reply = await server.post('/generate', { text: 'a' });
  expect(reply.status).toBe(400);
  expect(await reply.text()).toContain('This model gives vectors (--is-embedding)');
  expect(await (await server.fetch('/model_info')).json()).toMatchObject({
    is_generation: false,
  });
});

test('it is healthy, pauses and goes on', async () => {
  expect((await server.fetch('/health')).status).toBe(200);
  expect((await server.fetch('/health_generate')).status).toBe(200);
  await server.post('/pause_generation', { mode: 'in_place' });
  const waiting = encode({ text: 'a', rid: 'waiting' });
  await server.post('/abort_request', { rid: 'waiting' });
  expect((await waiting).status).toBe(400);
  await server.post('/continue_generation', {});
  expect((await encode({ text: 'a' })).status).toBe(200);
});

describe('/v1/embeddings', () => {
  const texts = ['Once upon a time', 'there was a cat'];
  const client = () => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });

  test("gives OpenAI's client the vectors of /encode, as bytes and as numbers", async () => {
    const { body } = await encode({ text: texts });
    const expected = (body as Reply[]).map(({ embedding }) => embedding);
    const tokens = (body as Reply[]).reduce(
      (sum, { meta_info }) => sum + Number(meta_info['prompt_tokens']),
      0,
    );
    for (const encoding_format of [undefined, 'float', 'base64'] as const) {
      const options = encoding_format === undefined ? {} : { encoding_format };
      const reply = await client().embeddings.create({ model: 'any', input: texts, ...options });
      const found = reply.data.map(({ embedding }) =>
        encoding_format === 'base64' ? fromBase64(embedding as unknown as string) : embedding,
      );
      expect(found).toEqual(expected);
      expect(reply.data.map(({ index }) => index)).toEqual([0, 1]);
      expect(reply).toMatchObject({ model: 'any', usage: { prompt_tokens: tokens, total_tokens: tokens } });
    }
  });

  test('takes one text, and token ids', async () => {
    const { tokens } = (await (await server.post('/tokenize', { prompt: texts[0] })).json()) as {
      tokens: number[];
    };
    const vectors = await Promise.all(
      [texts[0] ?? '', tokens, [tokens]].map(async (input) => {
        const { data } = await client().embeddings.create({ model: 'any', input: input });
        return data.map(({ embedding }) => embedding);
      }),
    );
    expect(vectors[1]).toEqual(vectors[0]);
    expect(vectors[2]).toEqual(vectors[0]);
  });

  test.each<[object, RegExp]>([
    [{ input: [] }, /Input cannot be empty/],
    [{ input: '' }, /"Input cannot be empty"/],
    [{ input: ' \n' }, /"Input cannot be empty or whitespace only"/],
    [{ input: ['a', ''] }, /"Input at index 1 cannot be empty or whitespace only"/],
    [{ input: [[7], []] }, /"Input at index 1 cannot be empty"/],
    [{ input: [7, -1] }, /"Token ID at index 1 must be non-negative"/],
    [{ input: [[7], [-1]] }, /"Input at index 1 contains negative token IDs"/],
    [
      { input: 'a', encoding_format: 'int8' },
      /encoding_format must be either 'float' or 'base64', got 'int8'/,
    ],
    [{ input: 'a', dimensions: 0 }, /Requested dimensions must be greater than 0/],
    [
      { input: 'a', dimensions: 100_000 },
      /Provided dimensions are greater than max embedding dimension: \d+/,
    ],
    [{ input: 'a', dimensions: 2 }, /does not support matryoshka representation/],
    [{ input: 5 }, /input: must be a string, a list of strings, a list of integers/],
  ])('%j is refused', async (body, message) => {
    const reply = await server.post('/v1/embeddings', { model: 'any', ...body });
    expect(reply.status).toBe(400);
    expect(await reply.text()).toMatch(message);
  });
});

test('clients that leave take what they wait for out of the queue', async () => {
  const logged = server.stderr.length;
  await server.post('/pause_generation', { mode: 'in_place' });
  const gone = new AbortController();
  const left = server.post('/encode', { text: ['a', 'b', 'c'] }, { signal: gone.signal }).catch(() => 'left');
  const staying = encode({ text: 'stays', rid: 'stays' });
  await new Promise((resolve) => setTimeout(resolve, 200));
  gone.abort();
  expect(await left).toBe('left');
  await server.post('/continue_generation', {});
  expect((await staying).status).toBe(200);
  expect(server.stderr.slice(logged)).not.toMatch(/error|exception/i);
});

test('it drains and leaves nothing', async () => {
  expect(await server.stop()).toBe(0);
  await server.gone();
});

function fromBase64(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}
