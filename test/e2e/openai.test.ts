import OpenAI from 'openai';
import { expectClean, generate } from './client';
import { launch, type Server } from './harness';

/** Completions and chat completions of the shipped model, by the official client. */
type Chat = OpenAI.Chat.ChatCompletionMessageParam;

const QUESTION: Chat[] = [{ role: 'user', content: 'What is the capital of France?' }];
const CHAT = { model: 'demo', messages: QUESTION, temperature: 0 };
const PROMPT = '<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n';
const STORY: Chat[] = [{ role: 'user', content: 'Tell me a very short story about a dog.' }];

let server: Server;
let client: OpenAI;
beforeAll(async () => {
  server = await launch([
    '--model-path',
    'models/demo-chat',
    '--served-model-name',
    'demo',
    '--enable-cache-report',
  ]);
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

/** The text of each choice of a stream. */
async function texts(stream: AsyncIterable<OpenAI.Chat.ChatCompletionChunk>): Promise<string[]> {
  const all: string[] = [];
  for await (const { choices } of stream) {
    for (const { index, delta } of choices) all[index] = (all[index] ?? '') + (delta.content ?? '');
  }
  return all;
}

describe('chat', () => {
  test('answers', async () => {
    const reply = await client.chat.completions.create(CHAT);
    expect(reply).toMatchObject({
      object: 'chat.completion',
      model: 'demo',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'The capital of France is Paris.' },
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 15, completion_tokens: 8, total_tokens: 23 },
    });
  });

  test('is /generate and /v1/completions on the rendered prompt', async () => {
    const chat = await client.chat.completions.create({
      ...CHAT,
      messages: STORY,
      max_tokens: 40,
      logprobs: true,
    });
    const prompt = PROMPT.replace(
      'What is the capital of France?',
      'Tell me a very short story about a dog.',
    );
    const sampling_params = { temperature: 0, max_new_tokens: 40 };
    const native = await generate(server, { text: prompt, sampling_params, return_logprob: true });
    const plain = await client.completions.create({
      model: 'demo',
      prompt,
      temperature: 0,
      max_tokens: 40,
      logprobs: 0,
    });
    expect(chat.choices[0]?.message.content).toBe(native.text);
    expect(plain.choices[0]?.text).toBe(native.text);
    expect(chat.usage?.prompt_tokens).toBe(native.meta_info.prompt_tokens);
    // What is cached was computed in pieces of another size: nearly the same numbers.
    const logprobs = native.meta_info.output_token_logprobs.map(
      ([logprob]) => expect.closeTo(logprob ?? 0, 3) as number,
    );
    expect(chat.choices[0]?.logprobs?.content?.map(({ logprob }) => logprob)).toEqual(logprobs);
    expect(plain.choices[0]?.logprobs?.token_logprobs).toEqual(logprobs);
  });

  test('streamed is whole', async () => {
    const whole = await client.chat.completions.create({
      ...CHAT,
      messages: STORY,
      n: 3,
      temperature: 1,
      seed: 5,
      max_tokens: 30,
    });
    const stream = await client.chat.completions.create({
      ...CHAT,
      messages: STORY,
      n: 3,
      temperature: 1,
      seed: 5,
      max_tokens: 30,
      stream: true,
    });
    expect(await texts(stream)).toEqual(whole.choices.map(({ message }) => message.content));
  });

  test('of a seed is the same again, and of another another', async () => {
    const sample = async (seed: number) =>
      (
        await client.chat.completions.create({
          ...CHAT,
          messages: STORY,
          temperature: 2,
          seed,
          max_tokens: 30,
        })
      ).choices[0]?.message.content;
    expect(await sample(1)).toBe(await sample(1));
    expect(await sample(1)).not.toBe(await sample(2));
  });

  test("by the client's streaming helper ends as a whole reply, with the usage", async () => {
    const runner = client.chat.completions.stream({ ...CHAT, stream_options: { include_usage: true } });
    const contents: string[] = [];
    runner.on('content', (delta) => contents.push(delta));
    expect(await runner.finalContent()).toBe('The capital of France is Paris.');
    expect(contents.join('')).toBe('The capital of France is Paris.');
    const final = await runner.finalChatCompletion();
    expect(final.choices[0]?.finish_reason).toBe('stop');
    expect(await runner.totalUsage()).toMatchObject({ prompt_tokens: 15, completion_tokens: 8 });
  });

  test('takes parts, a system message and a developer', async () => {
    const rendered = async (messages: Chat[]) => {
      const reply = await server.post('/v1/tokenize', { messages });
      return ((await reply.json()) as { count: number }).count;
    };
    const parts: Chat[] = [
      { role: 'user', content: [{ type: 'text', text: 'What is the capital of France?' }] },
    ];
    expect(await rendered(parts)).toBe(await rendered(QUESTION));
    const asSystem: Chat[] = [{ role: 'system', content: 'Answer in one word.' }, ...QUESTION];
    const asDeveloper: Chat[] = [{ role: 'developer', content: 'Answer in one word.' }, ...QUESTION];
    expect(await rendered(asDeveloper)).toBe(await rendered(asSystem));
    const reply = await client.chat.completions.create({ ...CHAT, messages: asSystem });
    expect(reply.choices[0]?.message.content).toMatch(/^Paris\.?$/);
  });

  test('goes on with an answer', async () => {
    const messages: Chat[] = [...QUESTION, { role: 'assistant', content: 'The capital of' }];
    const more = { continue_final_message: true };
    const reply = await client.chat.completions.create({ ...CHAT, messages, ...more });
    expect(reply.choices[0]?.message.content).toBe(' France is Paris.');
  });

  test('stops where it is told, and says where', async () => {
    const stopped = await client.chat.completions.create({ ...CHAT, stop: ['France', 'never'] });
    expect(stopped.choices[0]).toMatchObject({
      message: { content: 'The capital of ' },
      finish_reason: 'stop',
      matched_stop: 'France',
    });
    const cut = await client.chat.completions.create({ ...CHAT, max_completion_tokens: 2 });
    expect(cut.choices[0]).toMatchObject({
      message: { content: 'The capital' },
      finish_reason: 'length',
      matched_stop: null,
    });
    const biased = await client.chat.completions.create({
      ...CHAT,
      max_tokens: 1,
      logit_bias: { '100': 100 },
    });
    expect(biased.choices[0]?.message.content).not.toBe('The');
  });

  test('reports what it found in the cache', async () => {
    await client.chat.completions.create(CHAT);
    const reply = await client.chat.completions.create(CHAT);
    expect(reply.usage?.prompt_tokens_details?.cached_tokens).toBe(14);
    const salted = await client.chat.completions.create({ ...CHAT, cache_salt: 'tenant' } as typeof CHAT);
    expect(salted.usage?.prompt_tokens_details ?? null).toBeNull();
  });

  test('sixty-four at once answer as one alone', async () => {
    const replies = await Promise.all(Array.from({ length: 64 }, () => client.chat.completions.create(CHAT)));
    expect(new Set(replies.map(({ choices }) => choices[0]?.message.content))).toEqual(
      new Set(['The capital of France is Paris.']),
    );
  });

  test('that nobody reads any more leaves its row within a step', async () => {
    const stream = await client.chat.completions.create({
      ...CHAT,
      messages: STORY,
      stream: true,
      ...{ ignore_eos: true, rid: 'left-alone' },
    });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) break;
    }
    await expectClean(server);
  });
});

describe('tools', () => {
  const parameters = {
    type: 'object',
    properties: { city: { type: 'string', enum: ['Paris', 'Rome'] } },
    required: ['city'],
    additionalProperties: false,
  };
  const tools = ['weather', 'time'].map((name) => ({
    type: 'function' as const,
    function: { name, parameters },
  }));

  test.each([
    ['any', 'required' as const, ['weather', 'time']],
    ['one', { type: 'function' as const, function: { name: 'time' } }, ['time']],
  ])('are called where %s must be, whole and streamed', async (_, tool_choice, names) => {
    const body = { ...CHAT, tools, tool_choice, max_tokens: 400, parallel_tool_calls: false };
    const reply = await client.chat.completions.create(body);
    const runner = client.chat.completions.stream(body);
    const streamed = await runner.finalChatCompletion();
    for (const { choices } of [reply, streamed]) {
      expect(choices[0]?.finish_reason).toBe('tool_calls');
      const [call] = choices[0]?.message.tool_calls ?? [];
      if (call?.type !== 'function') throw new Error('no call');
      expect(names).toContain(call.function.name);
      expect(['Paris', 'Rome']).toContain((JSON.parse(call.function.arguments) as { city: string }).city);
    }
  });

  test('need not be called', async () => {
    const reply = await client.chat.completions.create({ ...CHAT, tools });
    expect(reply.choices[0]?.message).toMatchObject({
      content: 'The capital of France is Paris.',
      tool_calls: null,
    });
  });
});

describe('errors are those that the client knows', () => {
  test.each<[string, object, string]>([
    ['no messages', { messages: [] }, 'Messages cannot be empty.'],
    [
      'a prompt beyond the context',
      { messages: [{ role: 'user', content: 'word '.repeat(5000) }] },
      "longer than the model's context length",
    ],
    ['more tokens than the context holds', { max_tokens: 100_000 }, 'Requested token count exceeds'],
    ['a tool without a name', { tools: [{ type: 'function', function: {} }] }, 'function.name'],
  ])('for %s, whole and streamed', async (_, more, message) => {
    for (const stream of [false, true]) {
      const error: unknown = await client.chat.completions
        .create({ ...CHAT, ...more, stream } as typeof CHAT)
        .catch((e: unknown) => e);
      expect(error).toBeInstanceOf(OpenAI.BadRequestError);
      expect((error as Error).message).toContain(message);
    }
  });

  test('for a stream that is aborted by name: it ends as aborted', async () => {
    const rid = 'by-name';
    const stream = await client.chat.completions.create({
      ...CHAT,
      messages: STORY,
      stream: true,
      ...{ rid, ignore_eos: true },
    });
    const reasons: unknown[] = [];
    for await (const { choices } of stream) {
      if (reasons.length === 0) await server.post('/abort_request', { rid });
      reasons.push(choices[0]?.finish_reason ?? null);
    }
    expect(reasons.at(-1)).toBe('abort');
  });
});

describe('completions', () => {
  test('answer several prompts, several times each', async () => {
    const reply = await client.completions.create({
      model: 'demo',
      prompt: ['One', 'Two'],
      n: 2,
      max_tokens: 4,
      temperature: 0,
      echo: true,
    });
    expect(reply.choices.map(({ index, text }) => [index, text.slice(0, 3)])).toEqual([
      [0, 'One'],
      [1, 'One'],
      [2, 'Two'],
      [3, 'Two'],
    ]);
    expect(reply.usage?.completion_tokens).toBe(16);
  });

  test('streamed are whole, with log-probabilities', async () => {
    const body = { model: 'demo', prompt: PROMPT, max_tokens: 6, temperature: 0, logprobs: 3, echo: true };
    const whole = await client.completions.create(body);
    let text = '';
    const tokens: string[] = [];
    for await (const { choices } of await client.completions.create({ ...body, stream: true })) {
      text += choices[0]?.text ?? '';
      tokens.push(...(choices[0]?.logprobs?.tokens ?? []));
    }
    expect(text).toBe(whole.choices[0]?.text);
    expect(tokens).toEqual(whole.choices[0]?.logprobs?.tokens);
    expect(Object.keys(whole.choices[0]?.logprobs?.top_logprobs?.[3] ?? {})).toHaveLength(3);
  });
});

test('another template is served by its name', async () => {
  const other = await launch(['--model-path', 'models/demo-chat', '--chat-template', 'llama-3-instruct']);
  const reply = await other.post('/v1/tokenize', { messages: QUESTION });
  const { tokens } = (await reply.json()) as { tokens: number[] };
  const text = await other.post('/detokenize', { tokens, skip_special_tokens: false });
  expect(((await text.json()) as { text: string }).text).toContain(
    '<|start_header_id|>user<|end_header_id|>',
  );
});
