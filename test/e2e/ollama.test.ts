import { Ollama } from 'ollama';
import { expectClean } from './client';
import { launch, type Server } from './harness';

/** Ollama's API by Ollama's own client. */
const MODEL = 'demo';
const QUESTION = [{ role: 'user', content: 'What is the capital of France?' }];
const STORY = [{ role: 'user', content: 'Tell me a very short story about a dog.' }];
const GREEDY = { temperature: 0 };
const LONG = { format: { type: 'string', minLength: 3000 }, options: { num_predict: 100_000 } };

let server: Server;
let client: Ollama;
beforeAll(async () => {
  server = await launch(['--model-path', 'models/demo-chat', '--served-model-name', MODEL]);
  client = new Ollama({ host: server.url });
});

interface Line {
  readonly [field: string]: unknown;
  readonly done?: boolean;
}

async function lines(reply: Response): Promise<Line[]> {
  const parts = (await reply.text()).split('\n');
  expect(parts.pop()).toBe('');
  return parts.map((part) => JSON.parse(part) as Line);
}

interface ChatCompletion {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

describe('chat', () => {
  test('is a chat completion, whole and streamed: text, counts, durations', async () => {
    const body = { messages: STORY, temperature: 0, max_tokens: 30 };
    const same = (await (await server.post('/v1/chat/completions', body)).json()) as ChatCompletion;
    const options = { ...GREEDY, num_predict: 30 };
    const whole = await client.chat({ model: MODEL, messages: STORY, options });
    expect(whole).toMatchObject({
      model: MODEL,
      message: { role: 'assistant', content: same.choices[0]?.message.content },
      done: true,
      done_reason: 'length',
      prompt_eval_count: same.usage.prompt_tokens,
      eval_count: same.usage.completion_tokens,
    });
    let text = '';
    let last;
    for await (const chunk of await client.chat({ model: MODEL, messages: STORY, options, stream: true })) {
      text += chunk.message.content;
      last = chunk;
    }
    expect(text).toBe(whole.message.content);
    expect(last).toMatchObject({ done: true, done_reason: 'length', eval_count: whole.eval_count });
    for (const name of ['total_duration', 'prompt_eval_duration', 'eval_duration'] as const) {
      expect(last?.[name]).toBeGreaterThan(0);
    }
  });

  test('streams unless told otherwise, one object a line, whatever the content type', async () => {
    const body = JSON.stringify({ model: `${MODEL}:latest`, messages: QUESTION, options: GREEDY });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const reply = await server.fetch('/api/chat', { method: 'POST', body, headers });
    expect(reply.headers.get('content-type')).toBe('application/x-ndjson');
    const all = await lines(reply);
    expect(all.filter(({ done }) => done === true)).toEqual([all.at(-1)]);
    expect(all.at(-1)).toMatchObject({ model: `${MODEL}:latest`, done_reason: 'stop' });
  });

  test('has log-probabilities', async () => {
    const body = { model: MODEL, messages: QUESTION, options: GREEDY, logprobs: true, top_logprobs: 2 };
    const all = await lines(await server.post('/api/chat', body));
    const found = all.flatMap(({ logprobs }) => (logprobs ?? []) as { top_logprobs: unknown[] }[]);
    expect(found).toHaveLength(all.at(-1)?.['eval_count'] as number);
    expect(found[0]?.top_logprobs).toHaveLength(2);
  });

  test('goes on where the last message is an answer', async () => {
    const messages = [...QUESTION, { role: 'assistant', content: 'The capital of' }];
    const { message } = await client.chat({ model: MODEL, messages, options: GREEDY });
    expect(message.content.trim()).toBe('France is Paris.');
  });

  test.each([
    ['json', 'json'],
    ['a schema', { type: 'object', properties: { city: { enum: ['Paris'] } }, required: ['city'] }],
  ])('is held to %s', async (_, format) => {
    const options = { ...GREEDY, num_predict: 60 };
    const { message } = await client.chat({ model: MODEL, messages: QUESTION, format, options });
    if (format === 'json') expect(message.content).toMatch(/^\s*\{/);
    else expect(JSON.parse(message.content)).toEqual({ city: 'Paris' });
  });

  test('without messages loads nothing', async () => {
    expect(await client.chat({ model: MODEL, messages: [] })).toMatchObject({
      message: { role: 'assistant', content: '' },
      done: true,
      done_reason: 'load',
    });
    expect(await client.generate({ model: MODEL, prompt: '', keep_alive: 0 })).toMatchObject({
      response: '',
      done_reason: 'unload',
    });
  });

  test('ends with the client', async () => {
    const own = new Ollama({ host: server.url });
    const stream = await own.chat({ model: MODEL, messages: STORY, ...LONG, stream: true });
    const read = async () => {
      for await (const chunk of stream) if (chunk.message.content !== '') own.abort();
    };
    await expect(read()).rejects.toThrow(/abort/i);
    await expectClean(server);
  });
});

describe('generate', () => {
  test('answers in the chat format, with a system message', async () => {
    const asked = { model: MODEL, prompt: QUESTION[0]?.content ?? '', options: GREEDY };
    const { response, prompt_eval_count } = await client.generate(asked);
    expect([response, prompt_eval_count]).toEqual(['The capital of France is Paris.', 15]);
    const system = 'Answer in upper case.';
    const other = await client.generate({ ...asked, system });
    const chat = await client.chat({
      ...asked,
      messages: [{ role: 'system', content: system }, ...QUESTION],
    });
    expect([other.response, other.prompt_eval_count]).toEqual([chat.message.content, chat.prompt_eval_count]);
  });

  test('raw is /generate', async () => {
    const sampling_params = { temperature: 0, max_new_tokens: 12 };
    const prompt = 'Once upon a time';
    const native = (await (await server.post('/generate', { text: prompt, sampling_params })).json()) as {
      text: string;
    };
    let text = '';
    const options = { ...GREEDY, num_predict: 12 };
    const asked = { model: MODEL, prompt, raw: true, options, stream: true as const };
    for await (const { response } of await client.generate(asked)) text += response;
    expect(text).toBe(native.text);
  });
});

describe('errors', () => {
  const chat = { model: MODEL, messages: QUESTION };
  test.each<[string, string, object, number, RegExp]>([
    ['an unknown model', '/api/chat', { ...chat, model: 'llama' }, 404, /model 'llama' not found/],
    ['no model', '/api/chat', { messages: QUESTION }, 400, /model is required/],
    ['a wrong type', '/api/chat', { ...chat, options: { temperature: 'hot' } }, 400, /options\.temperature/],
    ['a range', '/api/chat', { ...chat, options: { repeat_penalty: -1 } }, 400, /repeat_penalty/],
    [
      'a role',
      '/api/chat',
      { model: MODEL, messages: [{ role: 'x', content: '' }] },
      400,
      /messages\.0\.role/,
    ],
    ['images', '/api/chat', { model: MODEL, messages: [{ ...QUESTION[0], images: ['aa'] }] }, 400, /images/],
    ['thoughts', '/api/chat', { ...chat, think: true }, 400, /does not support thinking/],
    ['a format', '/api/chat', { ...chat, format: 'yaml' }, 400, /format/],
    ['a suffix', '/api/generate', { model: MODEL, prompt: 'x', suffix: 'y' }, 400, /suffix/],
    ['a context', '/api/generate', { model: MODEL, prompt: 'x', context: [1] }, 400, /context/],
    ['vectors', '/api/embed', { model: MODEL, input: 'x' }, 400, /embedding/],
    ['an unknown model to pull', '/api/pull', { model: 'llama' }, 404, /not found/],
    ['a model to show', '/api/show', { model: 'llama' }, 404, /not found/],
    ['a copy', '/api/copy', { source: MODEL, destination: 'y' }, 400, /not available/],
  ])('%s', async (_, path, body, status, message) => {
    const reply = await server.post(path, body);
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await reply.json()).toEqual({ error: expect.stringMatching(message) as string });
    expect(reply.status).toBe(status);
  });

  test('are thrown by the client', async () => {
    await expect(client.show({ model: 'llama' })).rejects.toThrow("model 'llama' not found");
    await expect(client.delete({ model: MODEL })).rejects.toThrow('not available');
  });

  test('leave options alone that are for another engine', async () => {
    const options = {
      ...GREEDY,
      num_ctx: 4096,
      num_gpu: 1,
      mirostat: 0,
      some_new_thing: 1,
      top_k: 0,
      seed: -1,
    };
    expect((await client.chat({ model: MODEL, messages: QUESTION, options })).done).toBe(true);
  });
});

test('the model is listed, shown and loaded', async () => {
  const [listed] = (await client.list()).models;
  expect(listed).toMatchObject({
    name: MODEL,
    model: MODEL,
    digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
  expect(listed?.details).toMatchObject({
    format: 'safetensors',
    parameter_size: expect.stringMatching(/^[\d.]+M$/) as string,
    quantization_level: expect.stringMatching(/^B?F\d\d$/) as string,
  });
  const [loaded] = (await client.ps()).models;
  expect([loaded?.name, loaded?.digest]).toEqual([MODEL, listed?.digest]);
  const shown = (await client.show({ model: MODEL })) as unknown as {
    capabilities: string[];
    template: string;
    model_info: Record<string, unknown>;
  };
  expect(shown.capabilities).toContain('completion');
  expect(shown.template).toContain('messages');
  const family = String(shown.model_info['general.architecture']);
  expect(shown.model_info[`${family}.context_length`]).toBeGreaterThan(0);
  expect((await client.version()).version).toMatch(/^0\.\d+\.\d+$/);
  expect((await client.pull({ model: `${MODEL}:latest` })).status).toBe('success');
});

test('the root is alive for clients, and a page for browsers', async () => {
  expect((await server.fetch('/', { method: 'HEAD' })).status).toBe(200);
  const asked = await server.fetch('/', { headers: { accept: 'application/json' } });
  expect(await asked.text()).toBe('Ollama is running');
  const page = await server.fetch('/', { headers: { accept: 'text/html,*/*;q=0.8' } });
  expect(page.headers.get('content-type')).toMatch(/^text\/html/);
});

describe('vectors', () => {
  let vectors: Server;
  let embedder: Ollama;
  beforeAll(async () => {
    vectors = await launch(['--is-embedding', '--served-model-name', 'v', '--context-length', '64']);
    embedder = new Ollama({ host: vectors.url });
  });

  test('are those of /encode, in order', async () => {
    const input = ['A cat sleeps.', 'Dogs bark.'];
    const { embeddings, prompt_eval_count } = await embedder.embed({ model: 'v', input });
    const native = (await (await vectors.post('/encode', { text: input })).json()) as {
      embedding: number[];
      meta_info: { prompt_tokens: number };
    }[];
    embeddings.forEach((vector, i) => {
      vector.forEach((value, k) => expect(value).toBeCloseTo(native[i]?.embedding[k] ?? NaN, 4));
    });
    expect(prompt_eval_count).toBe(native.reduce((sum, { meta_info }) => sum + meta_info.prompt_tokens, 0));
    const { embedding } = await embedder.embeddings({ model: 'v', prompt: 'Dogs bark.' });
    expect(embedding).toHaveLength(embeddings[1]?.length ?? 0);
  });

  test('are shortened to length 1, and texts cut unless they are not to be', async () => {
    const { embeddings } = await embedder.embed({ model: 'v', input: 'A cat.', dimensions: 8 });
    expect(embeddings[0]).toHaveLength(8);
    expect(Math.hypot(...(embeddings[0] ?? []))).toBeCloseTo(1, 5);
    const input = 'word '.repeat(200);
    expect((await embedder.embed({ model: 'v', input })).prompt_eval_count).toBe(64);
    await expect(embedder.embed({ model: 'v', input, truncate: false })).rejects.toThrow('longer than');
    await expect(embedder.embed({ model: 'v', input, dimensions: 100_000 })).rejects.toThrow('dimensions');
    expect((await embedder.embed({ model: 'v', input: [] })).embeddings).toEqual([]);
  });

  test('are all that is there', async () => {
    await expect(embedder.chat({ model: 'v', messages: QUESTION })).rejects.toThrow('it cannot chat');
    const { capabilities } = (await embedder.show({ model: 'v' })) as unknown as { capabilities: string[] };
    expect(capabilities).toEqual(['embedding']);
  });
});
