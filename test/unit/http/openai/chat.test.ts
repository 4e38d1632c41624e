import { captureLog } from '../../capture-log';
import { Folders } from '../../checkpoint/folders';
import { TestServer } from '../test-server';
import { makeChat } from '../chat/chat-template';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'hi' }];
const folders = new Folders();
afterAll(() => folders.removeAll());

let server: TestServer;
let logged: string[];
beforeEach(async () => {
  logged = captureLog();
  server = await TestServer.start({ chat: await makeChat(folders) });
});
afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
});

async function restart(options: Parameters<typeof TestServer.start>[0] = {}): Promise<void> {
  await server.close();
  server = await TestServer.start({ chat: await makeChat(folders), ...options });
}

const ask = (body: object) => server.ask(PATH, { messages, ...body });

describe('a whole reply', () => {
  it("has the members of OpenAI's and SGLang's", async () => {
    const { status, body } = await ask({ model: 'mine', max_tokens: 3, rid: 'r' });
    expect(status).toBe(200);
    expect(body).toEqual({
      id: 'r',
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'mine',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'abc', reasoning_content: null, tool_calls: null },
          logprobs: null,
          finish_reason: 'length',
          matched_stop: null,
        },
      ],
      usage: {
        prompt_tokens: 10,
        total_tokens: 13,
        completion_tokens: 3,
        prompt_tokens_details: null,
        reasoning_tokens: 0,
        completion_tokens_details: { reasoning_tokens: 0 },
      },
      metadata: { weight_version: 'default' },
    });
  });

  it('has a name by which all of its choices can be aborted', async () => {
    server.scheduler.isHolding = true;
    const reply = ask({ n: 2, max_tokens: 3 });
    await server.scheduler.until('generate');
    // The prompt runs once for all samples, and then each sample.
    const [warm = ''] = server.scheduler.liveRids;
    server.scheduler.emit(warm, '', { type: 'length', length: 0 });
    await server.scheduler.until('generate', 3);
    const [first = ''] = server.scheduler.liveRids;
    await server.post('/abort_request', { rid: first.replace(/_0$/, '') });
    expect((await reply).body).toMatchObject({
      id: first.replace(/_0$/, ''),
      choices: [{ finish_reason: 'abort' }, { finish_reason: 'abort' }],
    });
  });

  it('calls the model by its served name where the request does not', async () => {
    await restart({ args: { servedModelName: 'served' } });
    expect((await ask({ max_tokens: 1 })).body).toMatchObject({ model: 'served' });
  });

  it('counts a prompt once, and reports cached tokens where the operator wishes', async () => {
    await restart({ args: { enableCacheReport: true } });
    server.scheduler.isHolding = true;
    const reply = ask({ max_tokens: 1 });
    await server.scheduler.until('generate');
    server.scheduler.emit(
      server.scheduler.liveRids[0] ?? '',
      'x',
      { type: 'stop', matched: 257 },
      { cachedTokens: 4 },
    );
    expect((await reply).body).toMatchObject({
      choices: [{ finish_reason: 'stop', matched_stop: 257 }],
      usage: { prompt_tokens_details: { cached_tokens: 4 } },
    });
  });

  it('has log-probabilities with texts and bytes', async () => {
    const { body } = await ask({ max_tokens: 1, logprobs: true, top_logprobs: 1 });
    const token = { token: 'a', bytes: [97], logprob: -1 };
    expect(body).toMatchObject({
      choices: [{ logprobs: { content: [{ ...token, top_logprobs: [expect.any(Object)] }] } }],
    });
  });
});

describe('the prompt', () => {
  it('is the rendered conversation, without further special tokens', async () => {
    await ask({ messages: [{ role: 'system', content: 's' }, ...messages], max_tokens: 1 });
    expect(server.prompt).toBe('[system:s][user:hi]>');
  });

  it('takes variables from the request', async () => {
    await ask({ chat_template_kwargs: { mood: 'glad' }, max_tokens: 1 });
    expect(server.prompt).toBe('[user:hi]glad>');
  });

  it('goes on with an answer that was begun', async () => {
    const begun = [...messages, { role: 'assistant', content: 'Once' }];
    await ask({ messages: begun, continue_final_message: true, max_tokens: 1 });
    expect(server.prompt).toBe('[user:hi]>Once');
  });

  it('shows arguments of calls to the template as objects', async () => {
    const template =
      '{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.arguments.city }}{% endfor %}{% endfor %}>';
    await restart({ chat: await makeChat(folders, {}, template) });
    const call = { id: 'c', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } };
    const called = { role: 'assistant', content: null, tool_calls: [call] };
    await ask({
      messages: [...messages, called, { role: 'tool', content: [{ type: 'text', text: 'sunny' }] }],
      max_tokens: 1,
    });
    expect(server.prompt).toBe('Paris>');
  });

  it('is what /v1/tokenize says of the same messages', async () => {
    await ask({ max_tokens: 1 });
    const { body } = await server.ask('/v1/tokenize', { messages });
    expect(body).toMatchObject({ tokens: Array.from(server.sent?.inputIds ?? []), count: 10 });
  });

  it('ends where the template says, as well as where the request does', async () => {
    await restart({ chat: await makeChat(folders, { chatTemplate: 'chatml' }) });
    await ask({ stop: 'END', max_tokens: 1 });
    expect(server.sent?.decode.stop).toEqual(['END', '<|im_end|>']);
  });
});

describe('sampling', () => {
  const generationDefaults = { temperature: 0.7, top_k: 20, repetition_penalty: 1.1 };

  it("has the defaults of OpenAI's API and no limit but the context", async () => {
    await ask({});
    expect(server.sent?.sampling).toMatchObject({
      temperature: 1,
      topP: 1,
      topK: -1,
      minP: 0,
      repetitionPenalty: 1,
      maxNewTokens: 53,
    });
  });

  it('has the defaults of the model, under those of the operator, under those of the request', async () => {
    await restart({ facts: { generationDefaults }, args: { preferredSamplingParams: { top_k: 5 } } });
    expect(logged).toContain(
      "Using default chat sampling params from model generation config: {'repetition_penalty': 1.1, 'temperature': 0.7, 'top_k': 20}",
    );
    await ask({ temperature: 0.2 });
    expect(server.sent?.sampling).toMatchObject({ temperature: 0.2, topK: 5, repetitionPenalty: 1.1 });
  });

  it('leaves the defaults of the model alone under --sampling-defaults openai', async () => {
    await restart({ facts: { generationDefaults }, args: { samplingDefaults: 'openai' } });
    await ask({});
    expect(server.sent?.sampling).toMatchObject({ temperature: 1, topK: -1 });
  });

  it('takes each parameter of the request', async () => {
    await ask({
      temperature: 0.5,
      top_p: 0.9,
      top_k: 7,
      min_p: 0.1,
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      repetition_penalty: 1.2,
      min_tokens: 2,
      max_completion_tokens: 9,
      max_tokens: 4,
      seed: 3,
      stop_token_ids: [5],
      logit_bias: { 65: -100 },
      skip_special_tokens: false,
      no_stop_trim: true,
      stop_regex: 'x+',
      priority: 3,
      cache_salt: 'tenant',
      extra_key: 'key',
    });
    expect(server.sent).toMatchObject({
      sampling: {
        temperature: 0.5,
        topP: 0.9,
        topK: 7,
        minP: 0.1,
        frequencyPenalty: 0.1,
        presencePenalty: 0.2,
        repetitionPenalty: 1.2,
        minNewTokens: 2,
        maxNewTokens: 9,
        seed: 3,
        stopTokenIds: [5, 257],
        logitBias: [[65, -100]],
      },
      decode: { skipSpecialTokens: false, noStopTrim: true, stopRegex: ['x+'] },
      priority: 3,
      extraKey: '["tenant","key"]',
    });
  });
});

it('is grouped by the header of routers', async () => {
  const headers = { 'x-smg-routing-key': 'tenant' };
  await server.ask(PATH, { messages, max_tokens: 1 }, { headers });
  expect(server.sent?.routingKey).toBe('tenant');
});

describe('a stream', () => {
  it('gives the role, the text, the end and the usage', async () => {
    const { reply, events } = await server.stream(PATH, {
      messages,
      model: 'mine',
      rid: 'r',
      stream: true,
      max_tokens: 2,
      stream_options: { include_usage: true },
    });
    expect(reply.headers.get('content-type')).toContain('text/event-stream');
    const head = {
      id: 'r',
      object: 'chat.completion.chunk',
      created: expect.any(Number) as number,
      model: 'mine',
    };
    const chunk = (delta: object, end: object = { finish_reason: null }) => ({
      ...head,
      choices: [
        {
          index: 0,
          delta: { ...delta, reasoning_content: null },
          logprobs: null,
          matched_stop: null,
          ...end,
        },
      ],
      usage: null,
    });
    expect(events).toEqual([
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'a' }),
      chunk({ content: 'b' }),
      chunk({}, { finish_reason: 'length' }),
      {
        ...head,
        choices: [],
        usage: expect.objectContaining({ prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 }),
      },
      '[DONE]',
    ]);
  });

  it('has the usage so far in each chunk where it is asked for', async () => {
    const { events } = await server.stream(PATH, {
      messages,
      stream: true,
      max_tokens: 2,
      stream_options: { continuous_usage_stats: true },
    });
    const usages = events
      .slice(0, -1)
      .map((event) => (event as { usage: { completion_tokens: number } }).usage.completion_tokens);
    expect(usages).toEqual([1, 1, 2, 2]);
  });

  it('ends with the usage where the operator wishes', async () => {
    await restart({ args: { streamResponseDefaultIncludeUsage: true } });
    const { events } = await server.stream(PATH, { messages, stream: true, max_tokens: 1 });
    expect(events.at(-2)).toMatchObject({ choices: [], usage: { total_tokens: 11 } });
  });

  it('has an end for each choice, and counts the prompt once', async () => {
    const { events } = await server.stream(PATH, {
      messages,
      stream: true,
      n: 3,
      max_tokens: 2,
      stream_options: { include_usage: true },
    });
    const choices = events.flatMap(
      (event) => (event as { choices?: { index: number; finish_reason: string | null }[] }).choices ?? [],
    );
    expect(
      choices
        .filter(({ finish_reason }) => finish_reason === 'length')
        .map(({ index }) => index)
        .sort(),
    ).toEqual([0, 1, 2]);
    expect(events.at(-2)).toMatchObject({ usage: { prompt_tokens: 10, completion_tokens: 6 } });
  });

  it('that is refused before it began is an error reply', async () => {
    server.scheduler.isHolding = true;
    const reply = server.post(PATH, { messages, stream: true });
    await server.scheduler.until('generate');
    server.scheduler.emit(server.scheduler.liveRids[0] ?? '', '', {
      type: 'abort',
      message: 'The request queue is full.',
      status_code: 503,
    });
    expect((await reply).status).toBe(503);
    expect(await (await reply).json()).toMatchObject({ error: { message: 'The request queue is full.' } });
  });

  it('that fails later says so in an event', async () => {
    server.scheduler.isHolding = true;
    const reply = server.stream(PATH, { messages, stream: true });
    await server.scheduler.until('generate');
    const [rid = ''] = server.scheduler.liveRids;
    server.scheduler.emit(rid, 'x');
    await new Promise((resolve) => setTimeout(resolve, 20));
    server.scheduler.emit(rid, '', { type: 'abort', message: 'It broke.', status_code: 500 });
    expect((await reply).events.slice(-2)).toEqual([
      { error: { message: 'It broke.', type: 'server_error', param: null, code: null } },
      '[DONE]',
    ]);
  });

  it('is aborted when its client leaves', async () => {
    server.scheduler.isHolding = true;
    const leave = new AbortController();
    const reply = server.post(PATH, { messages, stream: true }, { signal: leave.signal });
    await server.scheduler.until('generate');
    server.scheduler.emit(server.scheduler.liveRids[0] ?? '', 'x');
    await reply;
    leave.abort();
    await server.scheduler.until('abort');
    expect(server.scheduler.all('abort')).toHaveLength(1);
  });
});

describe('a bad request', () => {
  const part = (type: string) => [{ role: 'user', content: [{ type, [type]: {} }] }];
  const call = (text: string) => [
    { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: text } }] },
  ];

  it.each<[object, string, string | null]>([
    [{ messages: [] }, 'Messages cannot be empty.', 'messages'],
    [{ messages: undefined }, 'messages: must be a list of messages', 'messages'],
    [
      { messages: [{ role: 'owner', content: 'x' }] },
      "messages.0.role: must be one of system, developer, user, assistant, tool, function, got 'owner'.",
      'messages',
    ],
    [{ messages: ['hi'] }, 'messages.0: must be an object with role and content', 'messages.0'],
    [
      { messages: [{ role: 'user', content: 5 }] },
      'messages.0.content: must be a string or a list of parts',
      'messages.0.content',
    ],
    [
      { messages: part('image_url') },
      "Model only supports text input; received unsupported content type 'image_url'.",
      'messages',
    ],
    [{ messages: part('input_audio') }, "received unsupported content type 'input_audio'", 'messages'],
    [{ messages: part('video_url') }, "received unsupported content type 'video_url'", 'messages'],
    [
      { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      'A content part of type text must have a text.',
      'messages',
    ],
    [{ messages: call('{') }, 'Assistant tool call function.arguments must be valid JSON.', 'messages'],
    [{ messages: call('[]') }, 'Assistant tool call function.arguments must be a JSON object.', 'messages'],
    [{ tool_choice: 'required' }, 'Tools cannot be empty if tool choice is set to required.', 'tool_choice'],
    [
      { tool_choice: { type: 'function', function: { name: 'f' } } },
      'Tools cannot be empty if tool choice is set to a specific tool.',
      'tool_choice',
    ],
    [{ tool_choice: 'any' }, 'tool_choice: must be auto, none, required', 'tool_choice'],
    [
      { response_format: { type: 'yaml' } },
      'response_format.type must be text, json_object, json_schema or structural_tag, got yaml.',
      'response_format',
    ],
    [{ reasoning_effort: 'high' }, 'reasoning_effort is not available', 'reasoning_effort'],
    [{ reasoning: { effort: 'high' } }, 'reasoning is not available: the chat template', 'reasoning'],
    [{ chat_template: 'x' }, 'chat_template is not available on this server.', 'chat_template'],
    [
      { chat_template_kwargs: { messages: [] } },
      'chat_template_kwargs must not contain messages.',
      'chat_template_kwargs',
    ],
    [{ max_tokens: 0 }, 'max_tokens must be positive, got 0.', 'max_tokens'],
    [
      { max_completion_tokens: -1 },
      'max_completion_tokens must be positive, got -1.',
      'max_completion_tokens',
    ],
    [{ max_tokens: 1.5 }, 'max_tokens: must be an integer', 'max_tokens'],
    [
      { max_tokens: 100 },
      'max_completion_tokens is too large: 100.This model supports at most 64 completion tokens.',
      'max_completion_tokens',
    ],
    [{ n: 1e6 }, 'n must be in [1, 128], got 1000000.', null],
    [{ n: 0 }, 'n must be in [1, 128], got 0.', null],
    [{ stop: Array.from({ length: 1000 }, String) }, 'stop must have at most 64 entries, got 1000.', null],
    [{ temperature: -1 }, 'temperature must be non-negative, got -1.', null],
    [{ temperature: 'hot' }, 'temperature: must be a number', 'temperature'],
    [{ top_logprobs: 3 }, 'top_logprobs needs logprobs to be true.', 'top_logprobs'],
    [{ logit_bias: { x: 1 } }, 'logit_bias must has keys in [0, 259], got x.', null],
    [{ model: 'base:tuned' }, "LoRA adapter 'tuned' was requested, but LoRA is not enabled.", 'model'],
    [{ messages: [{ role: 'user', content: 'x'.repeat(100) }] }, '', null],
    [{ max_token: 3 }, 'max_token: unknown field, did you mean max_tokens?', 'max_token'],
  ])('%j is refused before anything is sent', async (body, message, param) => {
    await restart({ args: { contextLength: 64 } });
    for (const stream of [false, true]) {
      const reply = await ask({ stream, ...body });
      expect([reply.status, reply.body]).toEqual([
        400,
        {
          object: 'error',
          message: expect.stringContaining(message) as string,
          type: 'BadRequestError',
          param,
          code: 400,
          error: expect.objectContaining({ type: 'invalid_request_error', param }) as object,
        },
      ]);
    }
    expect(server.scheduler.all('generate')).toEqual([]);
  });

  it('is one to a server that cannot chat', async () => {
    await server.close();
    server = await TestServer.start({ tokenizer: null });
    expect(await ask({})).toMatchObject({
      status: 400,
      body: {
        error: {
          message: 'This server was started with --skip-tokenizer-init: it cannot render conversations.',
        },
      },
    });
  });

  it('is told in the words of the template', async () => {
    await restart({ chat: await makeChat(folders, {}, "{{ raise_exception('Only one turn') }}") });
    expect(await ask({})).toMatchObject({
      status: 400,
      body: { error: { message: 'The chat template refuses this: Only one turn' } },
    });
  });

  it('is none for fields of other servers, which are named in the log', async () => {
    expect(
      (await ask({ mirostat_eta: 1, chat_id: 'x', max_tokens: 1, user: 'me', store: true })).status,
    ).toBe(200);
    expect(logged).toContain('Field mirostat_eta of a request is not known here and has no effect.');
    expect(logged.filter((line) => line.includes('user'))).toEqual([]);
  });
});

it('takes ten thousand messages', async () => {
  const many = Array.from({ length: 10_000 }, (_, i) => ({
    role: i % 2 ? 'assistant' : 'user',
    content: 'x',
  }));
  const reply = await ask({ messages: many });
  expect(reply.status).toBe(400);
  expect(JSON.stringify(reply.body)).toContain('tokens');
});
