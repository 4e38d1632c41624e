import Anthropic from '@anthropic-ai/sdk';
import type { FinishReason } from '../../../../src/core/request';
import type { ServerArgs } from '../../../../src/server-args/server-args';
import { captureLog } from '../../capture-log';
import { Folders } from '../../checkpoint/folders';
import { makeChat } from '../chat/chat-template';
import { TestServer } from '../test-server';

/** The Messages API with Anthropic's official client, against a scheduler whose answers are written by hand. */

const folders = new Folders();
afterAll(() => folders.removeAll());

const PATH = '/v1/messages';
/** Shows what reaches the template. */
const SHOWING =
  '{% for t in tools or [] %}<{{ t.function.name }}>{% endfor %}' +
  '{% for m in messages %}[{{ m.role }}:{{ m.reasoning_content or "" }}{{ m.content }}' +
  '{% for c in m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}]{% endfor %}>';
const messages = [{ role: 'user' as const, content: 'hi' }];
const ask = { model: 'm', max_tokens: 8, messages };
const tools = [
  { name: 'weather', input_schema: { type: 'object' as const, properties: { city: { type: 'string' } } } },
  { name: 'time', input_schema: { type: 'object' as const } },
];
const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>';

let server: TestServer;
let client: Anthropic;
afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
});

async function start(args: Partial<ServerArgs> = {}, template = SHOWING): Promise<void> {
  captureLog();
  server = await TestServer.start({
    args,
    facts: { contextLen: 512 },
    chat: await makeChat(folders, {}, template),
  });
  server.scheduler.isHolding = true;
  client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
}

async function running(): Promise<string> {
  for (;;) {
    const [rid] = server.scheduler.liveRids;
    if (rid !== undefined) return rid;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function answer(pieces: readonly string[], body: object = {}, end?: FinishReason) {
  const reply = client.messages.create({ ...ask, ...body } as Anthropic.MessageCreateParamsNonStreaming);
  await Promise.race([server.write(pieces, end), reply]);
  return reply;
}

async function streamed(pieces: readonly string[], body: object = {}, end?: FinishReason) {
  const stream = client.messages.stream({ ...ask, ...body });
  const events: Anthropic.MessageStreamEvent[] = [];
  stream.on('streamEvent', (event) => events.push(structuredClone(event)));
  const [message] = await Promise.all([stream.finalMessage(), server.write(pieces, end)]);
  return { message, events };
}

it('answers with a message', async () => {
  await start();
  const message = await answer(['Hel', 'lo'], { system: 'Be kind.', temperature: 0.5, top_k: 3, top_p: 0.9 });
  expect(message).toMatchObject({
    id: expect.stringMatching(/^msg_[0-9a-f]{32}$/) as string,
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [{ type: 'text', text: 'Hello' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
  });
  expect(message.usage).toMatchObject({
    input_tokens: server.prompt.length,
    cache_read_input_tokens: 0,
    output_tokens: expect.any(Number) as number,
  });
  expect(server.prompt).toBe('[system:Be kind.][user:hi]>');
  expect(server.sent?.sampling).toMatchObject({ maxNewTokens: 8, temperature: 0.5, topK: 3, topP: 0.9 });
});

it.each<[string, FinishReason, object]>([
  ['max_tokens', { type: 'length', length: 8 }, { stop_sequence: null }],
  ['stop_sequence', { type: 'stop', matched: 'END' }, { stop_sequence: 'END' }],
  ['end_turn', { type: 'stop', matched: 'of the template' }, { stop_sequence: null }],
])('says why it stopped: %s', async (reason, end, more) => {
  await start();
  const body = { stop_sequences: ['END'] };
  expect(await answer(['a'], body, end)).toMatchObject({ stop_reason: reason, ...more });
  const { events } = await streamed(['a'], body, end);
  expect(events.find(({ type }) => type === 'message_delta')).toMatchObject({
    delta: { stop_reason: reason, ...more },
  });
});

it('streams thought, text and calls in blocks, which come to the whole', async () => {
  await start({ toolCallParser: 'hermes', reasoningParser: 'qwen3' });
  const text = `<think>so</think>Look: ${CALL}\n${CALL}`;
  const whole = await answer([text], { tools });
  expect(whole).toMatchObject({
    content: [
      { type: 'thinking', thinking: 'so', signature: '' },
      { type: 'text', text: expect.stringContaining('Look:') as string },
      { type: 'tool_use', name: 'weather', input: { city: 'Paris' } },
      { type: 'tool_use', name: 'weather', input: { city: 'Paris' } },
    ],
    stop_reason: 'tool_use',
  });
  const { message, events } = await streamed([...text], { tools });
  const types = events.map(({ type }) => type).filter((type) => type !== 'content_block_delta');
  const block = ['content_block_start', 'content_block_stop'];
  expect(types).toEqual([
    'message_start',
    ...block,
    ...block,
    ...block,
    ...block,
    'message_delta',
    'message_stop',
  ]);
  const withoutIds = (content: Anthropic.ContentBlock[]) =>
    content.map((part) => ({
      ...part,
      ...('id' in part && { id: '' }),
      ...('text' in part && { text: part.text.trim() }),
    }));
  expect(withoutIds(message.content)).toEqual(withoutIds(whole.content));
  expect(message.stop_reason).toBe('tool_use');
  expect(message.usage.output_tokens).toBeGreaterThan(0);
});

it('shows the model thoughts, calls and their results of earlier turns', async () => {
  await start({ toolCallParser: 'hermes' });
  await answer(['ok'], {
    tools,
    system: [
      { type: 'text', text: 'A', cache_control: { type: 'ephemeral' } },
      { type: 'text', text: 'B' },
    ],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: '' },
          { type: 'text', text: 'wait' },
          { type: 'tool_use', id: 't1', name: 'weather', input: { city: 'Rome' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'sunny' }] },
          { type: 'text', text: 'and?' },
        ],
      },
    ],
  });
  expect(server.prompt).toBe(
    '<weather><time>[system:A\nB][user:hi][assistant:hmwaitweather{"city": "Rome"}][tool:sunny][user:and?]>',
  );
});

it('puts thoughts into the text where the template has no place for them, or drops them', async () => {
  const plain = '{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}>';
  const thought = {
    messages: [
      ...messages,
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: '' },
          { type: 'text', text: 'a' },
        ],
      },
      { role: 'user', content: 'b' },
    ],
  };
  await start({ reasoningParser: 'qwen3' }, plain);
  await answer(['ok'], thought);
  expect(server.prompt).toBe('[user:hi][assistant:<think>hm</think>a][user:b]>');
  await server.close();
  await start({}, plain);
  await answer(['ok'], thought);
  expect(server.prompt).toBe('[user:hi][assistant:a][user:b]>');
});

it('goes on where the client has begun the answer', async () => {
  await start();
  await answer(['c'], { messages: [...messages, { role: 'assistant', content: 'ab' }] });
  expect(server.prompt).toBe('[user:hi]>ab');
});

describe('instructions in the middle of a conversation', () => {
  const late = {
    system: 'A',
    messages: [...messages, { role: 'system', content: 'B' }, { role: 'user', content: 'c' }],
  };

  it('stay there where the template shows them', async () => {
    await start();
    await answer(['ok'], late);
    expect(server.prompt).toBe('[system:A][user:hi][system:B][user:c]>');
  });

  it('go to the front where it does not', async () => {
    const strict =
      '{% for m in messages %}{% if m.role == "system" and not loop.first %}{{ raise_exception("no") }}{% endif %}' +
      '[{{ m.role }}:{{ m.content }}]{% endfor %}>';
    await start({}, strict);
    await answer(['ok'], late);
    expect(server.prompt).toBe('[system:A\nB][user:hi][user:c]>');
  });
});

it('has tools called as the choice says, and passes over those of other servers', async () => {
  await start({ toolCallParser: 'hermes' });
  const own = { type: 'web_search_20250305', name: 'web_search' };
  const choice = { type: 'tool', name: 'weather', disable_parallel_tool_use: true };
  const { content } = await answer([CALL], { tools: [...tools, own], tool_choice: choice });
  expect(content).toMatchObject([{ type: 'tool_use', name: 'weather', input: { city: 'Paris' } }]);
  expect(server.prompt).toBe('<weather>[user:hi]>');
  expect(server.sent?.sampling.grammar?.source).toContain('weather');
  await expect(
    client.messages.create({
      ...ask,
      tools: [own],
      tool_choice: { ...choice, name: 'web_search' },
    } as unknown as Anthropic.MessageCreateParamsNonStreaming),
  ).rejects.toMatchObject({ status: 400 });
});

it('takes what agents send for models with more to them', async () => {
  await start();
  const { content } = await answer(['ok'], {
    thinking: { type: 'adaptive' },
    metadata: { user_id: 'u' },
    output_config: { effort: 'high' },
    context_management: { edits: [] },
    service_tier: 'auto',
  });
  expect(content).toEqual([{ type: 'text', text: 'ok' }]);
});

it('holds the answer to a schema', async () => {
  await start();
  const format = { type: 'json_schema', schema: { type: 'object', properties: { a: { const: 1 } } } };
  await answer(['{"a":1}'], { output_config: { format } });
  expect(server.sent?.sampling.grammar?.kind).toBe('json');
});

it('keeps thoughts to itself where they are to be left out', async () => {
  await start({ reasoningParser: 'qwen3' });
  const thinking = { type: 'adaptive', display: 'omitted' };
  const { content } = await answer(['<think>so</think>yes'], { thinking });
  expect(content).toEqual([
    { type: 'thinking', thinking: '', signature: '' },
    { type: 'text', text: 'yes' },
  ]);
  const { message } = await streamed(['<think>so</think>yes'], { thinking });
  expect(message.content).toEqual(content);
});

it('counts the tokens of a conversation with its tools', async () => {
  await start();
  const { input_tokens } = await client.messages.countTokens({ model: 'm', messages, tools, system: 'A' });
  expect(input_tokens).toBe('<weather><time>[system:A][user:hi]>'.length);
});

describe('is refused', () => {
  const block = (part: object) => ({ messages: [{ role: 'user', content: [part] }] });
  it.each<[string, object, RegExp]>([
    ['no limit', { max_tokens: undefined }, /max_tokens: must be an integer/],
    ['a limit of none', { max_tokens: 0 }, /max_tokens: must be at least 1/],
    ['no messages', { messages: [] }, /messages: must hold at least one/],
    ['another role', { messages: [{ role: 'tool', content: '' }] }, /messages.0.role/],
    ['a picture', block({ type: 'image', source: {} }), /reads text only, not blocks of type 'image'/],
    ['a result of nothing', block({ type: 'tool_result' }), /messages.0.content.0: tool_use_id must be/],
    ['hidden thoughts', block({ type: 'redacted_thinking', data: '' }), /redacted_thinking history is not/],
    ['thinking without a budget', { thinking: { type: 'enabled' } }, /thinking: budget_tokens is required/],
    [
      'a small budget',
      { thinking: { type: 'enabled', budget_tokens: 5 } },
      /budget_tokens: must be at least 1024/,
    ],
    ['a tool that is not there', { tools, tool_choice: { type: 'tool', name: 'x' } }, /Tool 'x' not found/],
    ['a choice without a name', { tools, tool_choice: { type: 'tool' } }, /tool_choice.name: is required/],
    ['a choice without tools', { tool_choice: { type: 'any' } }, /Tools cannot be empty/],
  ])('%s', async (_, body, message) => {
    await start();
    expect(await server.ask(PATH, { ...ask, ...body })).toEqual({
      status: 400,
      body: {
        type: 'error',
        error: { type: 'invalid_request_error', message: expect.stringMatching(message) as string },
      },
    });
  });

  it('under a form of its own, whatever is wrong', async () => {
    await start({ apiKey: 'secret' });
    const error = (type: string, message: string) => ({ type: 'error', error: { type, message } });
    expect(await server.ask(PATH, ask)).toEqual({
      status: 401,
      body: error('authentication_error', 'Unauthorized'),
    });
    const key = { headers: { 'x-api-key': 'secret' } };
    expect(await server.ask(`${PATH}/x`, ask, { headers: { authorization: 'Bearer secret' } })).toEqual({
      status: 404,
      body: error('not_found_error', 'Not Found'),
    });
    const reply = await server.post(PATH, '{', key);
    expect(await reply.json()).toEqual(error('invalid_request_error', 'The request body is not valid JSON.'));
    expect(reply.headers.get('request-id')).toBe(reply.headers.get('x-request-id'));
  });

  it('but not those who hold the key, in either header', async () => {
    await start({ apiKey: 'secret' });
    client = new Anthropic({ baseURL: server.url, apiKey: 'secret', maxRetries: 0 });
    expect(await answer(['ok'])).toMatchObject({ stop_reason: 'end_turn' });
    client = new Anthropic({ baseURL: server.url, authToken: 'secret', apiKey: null, maxRetries: 0 });
    expect(await answer(['ok'])).toMatchObject({ stop_reason: 'end_turn' });
    client = new Anthropic({ baseURL: server.url, apiKey: 'wrong', maxRetries: 0 });
    await expect(client.messages.create(ask)).rejects.toMatchObject({ status: 401 });
  });
});

it('tells of a failure in the middle of a stream', async () => {
  await start();
  const stream = client.messages.stream(ask);
  const failed = expect(stream.finalMessage()).rejects.toThrow(/Internal|failed|error/i);
  const rid = await running();
  server.scheduler.emit(rid, 'a', null);
  await new Promise((resolve) => setTimeout(resolve, 20));
  server.scheduler.emit(rid, '', { type: 'abort', message: 'failed', status_code: 500 });
  await failed;
});
