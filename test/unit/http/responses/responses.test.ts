import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import type {
  Response,
  ResponseCreateParams,
  ResponseStreamEvent,
} from 'openai/resources/responses/responses';
import { z } from 'zod';
import type { FinishReason } from '../../../../src/core/request';
import type { ServerArgs } from '../../../../src/server-args/server-args';
import { captureLog } from '../../capture-log';
import { Folders } from '../../checkpoint/folders';
import { makeChat } from '../chat/chat-template';
import { TestServer } from '../test-server';

/** The Responses API with OpenAI's official client, against a scheduler whose answers are written by hand. */

const folders = new Folders();
afterAll(() => folders.removeAll());

/** Shows what reaches the template. */
const SHOWING =
  '{% for t in tools or [] %}<{{ t.function.name }}>{% endfor %}' +
  '{% for m in messages %}[{{ m.role }}:{{ m.reasoning_content or "" }}{{ m.content }}' +
  '{% for c in m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}]{% endfor %}>';
const tools = [
  {
    type: 'function' as const,
    name: 'weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
    strict: false,
  },
];
const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>';

let server: TestServer;
let client: OpenAI;
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
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

async function answer(pieces: readonly string[], body: object = {}, end?: FinishReason): Promise<Response> {
  const reply = client.responses.create({
    input: 'hi',
    ...body,
  } as ResponseCreateParams) as Promise<Response>;
  await Promise.race([server.write(pieces, end), reply]);
  return reply;
}

async function streamed(pieces: readonly string[], body: object = {}, end?: FinishReason) {
  const stream = client.responses.stream({ input: 'hi', model: 'm', ...body });
  const events: ResponseStreamEvent[] = [];
  stream.on('event', (event) => events.push(structuredClone(event)));
  const [response] = await Promise.all([stream.finalResponse(), server.write(pieces, end)]);
  return { response, events };
}

it('answers with a response', async () => {
  await start();
  const response = await answer(['Hel', 'lo'], {
    instructions: 'Be kind.',
    max_output_tokens: 9,
    metadata: { a: 'b' },
    top_k: 4,
  });
  expect(response).toMatchObject({
    id: expect.stringMatching(/^resp_[0-9a-f]{32}$/) as string,
    object: 'response',
    status: 'completed',
    error: null,
    incomplete_details: null,
    instructions: 'Be kind.',
    max_output_tokens: 9,
    metadata: { a: 'b' },
    output: [
      {
        id: expect.stringMatching(/^msg_/) as string,
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text: 'Hello', annotations: [], logprobs: null }],
      },
    ],
    parallel_tool_calls: true,
    temperature: 0.7,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    usage: {
      input_tokens: server.prompt.length,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 5,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: server.prompt.length + 5,
    },
  });
  expect(response.output_text).toBe('Hello');
  expect(server.prompt).toBe('[system:Be kind.][user:hi]>');
  expect(server.sent?.sampling).toMatchObject({ maxNewTokens: 9, temperature: 0.7, topK: 4 });
});

it('streams its items one after the other; they come to the whole', async () => {
  await start({ toolCallParser: 'hermes', reasoningParser: 'qwen3' });
  const text = `<think>so</think>Look: ${CALL}\n${CALL}`;
  const whole = await answer([text], { tools });
  expect(whole.output).toMatchObject([
    { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'so' }] },
    { type: 'message' },
    {
      type: 'function_call',
      name: 'weather',
      arguments: '{"city": "Paris"}',
      call_id: expect.stringMatching(/^call_/) as string,
    },
    { type: 'function_call', name: 'weather', arguments: '{"city": "Paris"}' },
  ]);
  const { response, events } = await streamed([...text], { tools });
  const bare = ({ output }: Response) =>
    output.map((item) => JSON.stringify(item).replaceAll(/(rs|msg|fc|call)_[0-9a-f]+/g, '$1'));
  expect(
    bare({
      ...response,
      output: JSON.parse(JSON.stringify(response.output), (key, value: unknown) =>
        key === 'parsed' || key === 'parsed_arguments' ? undefined : value,
      ) as Response['output'],
    }),
  ).toEqual(bare(whole));
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, i) => i));
  const types = events.map(({ type }) => type).filter((type) => !type.endsWith('.delta'));
  const part = ['response.content_part.added', 'response.content_part.done'];
  const item = (...inner: string[]) => ['response.output_item.added', ...inner, 'response.output_item.done'];
  const call = item('response.function_call_arguments.done');
  expect(types).toEqual([
    'response.created',
    'response.in_progress',
    ...item(part[0] ?? '', 'response.reasoning_text.done', part[1] ?? ''),
    ...item(part[0] ?? '', 'response.output_text.done', part[1] ?? ''),
    ...call,
    ...call,
    'response.completed',
  ]);
});

it('tells thoughts as their summary to those who ask for one', async () => {
  await start({ reasoningParser: 'qwen3' });
  const body = { reasoning: { summary: 'auto', effort: 'high' } };
  const { output } = await answer(['<think>so</think>yes'], body);
  expect(output).toMatchObject([
    { type: 'reasoning', summary: [{ type: 'summary_text', text: 'so' }] },
    { type: 'message' },
  ]);
  const { events } = await streamed(['<think>so</think>yes'], body);
  expect(events.find(({ type }) => type === 'response.reasoning_summary_text.done')).toMatchObject({
    text: 'so',
  });
});

it.each([false, true])('is incomplete where the limit ends it (stream: %s)', async (stream) => {
  await start();
  const end: FinishReason = { type: 'length', length: 2 };
  const response = stream ? (await streamed(['ab'], {}, end)).response : await answer(['ab'], {}, end);
  expect(response).toMatchObject({
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    output: [{ status: 'incomplete' }],
  });
});

it('reads the items of a conversation', async () => {
  await start({ toolCallParser: 'hermes' });
  await answer(['ok'], {
    tools,
    input: [
      { role: 'developer', content: 'A' },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      { type: 'reasoning', id: 'rs_1', summary: [], content: [{ type: 'reasoning_text', text: 'hm' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'wait' }] },
      { type: 'function_call', call_id: 'c1', name: 'weather', arguments: '{"city":"Rome"}' },
      { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_text', text: 'sunny' }] },
      { role: 'user', content: 'and?' },
    ],
  });
  expect(server.prompt).toBe(
    '<weather>[system:A][user:hi][assistant:hmwaitweather{"city": "Rome"}][tool:sunny][user:and?]>',
  );
});

it('puts later instructions first where the template wants that', async () => {
  const strict =
    '{% for m in messages %}{% if m.role == "system" and not loop.first %}{{ raise_exception("no") }}{% endif %}' +
    '[{{ m.role }}:{{ m.content }}]{% endfor %}>';
  await start({}, strict);
  await answer(['ok'], {
    instructions: 'A',
    input: [
      { role: 'user', content: 'a' },
      { role: 'developer', content: 'B' },
    ],
  });
  expect(server.prompt).toBe('[system:A\nB][user:a]>');
});

describe('what was answered before', () => {
  it('is gone on from, without its instructions', async () => {
    await start();
    const first = await answer(['Hello'], { instructions: 'A' });
    const second = await answer(['Bye'], { input: 'and?', previous_response_id: first.id });
    expect(server.prompt).toBe('[user:hi][assistant:Hello][user:and?]>');
    expect(second.previous_response_id).toBe(first.id);
    await answer(['!'], { input: 'c', previous_response_id: second.id });
    expect(server.prompt).toBe('[user:hi][assistant:Hello][user:and?][assistant:Bye][user:c]>');
  });

  it('can be asked for, with what was fed, until it is deleted', async () => {
    await start();
    const { response } = await streamed(['Hello']);
    const kept = await client.responses.retrieve(response.id);
    expect(kept).toMatchObject({ id: response.id, status: 'completed', output_text: 'Hello' });
    const { data } = await client.responses.inputItems.list(response.id);
    expect(data).toMatchObject([{ type: 'message', role: 'user', content: [{ text: 'hi' }] }]);
    await client.responses.delete(response.id);
    await expect(client.responses.retrieve(response.id)).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining(`Response with id '${response.id}' not found.`) as string,
    });
  });

  it('can be referred to item by item', async () => {
    await start();
    const { output } = await answer(['Hello']);
    const input = [
      { role: 'user', content: 'a' },
      { type: 'item_reference', id: output[0]?.id },
      { role: 'user', content: 'b' },
    ];
    await answer(['ok'], { input });
    expect(server.prompt).toBe('[user:a][assistant:Hello][user:b]>');
  });

  it('is forgotten where the client says so', async () => {
    await start();
    const { id } = await answer(['Hello'], { store: false });
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });
});

describe('in the background', () => {
  it('a response is made while nobody waits', async () => {
    await start();
    const { id, status } = await client.responses.create({ input: 'hi', background: true });
    expect(status).toBe('queued');
    await server.write(['Hello']);
    await pause();
    expect(await client.responses.retrieve(id)).toMatchObject({ status: 'completed', output_text: 'Hello' });
    expect(await client.responses.cancel(id)).toMatchObject({ status: 'completed' });
  });

  it('it can be cancelled', async () => {
    await start();
    const { id } = await client.responses.create({ input: 'hi', background: true });
    while (server.scheduler.liveRids.length === 0) await pause();
    const [rid = ''] = server.scheduler.liveRids;
    server.scheduler.emit(rid, 'He', null);
    await pause();
    expect(await client.responses.retrieve(id)).toMatchObject({ status: 'in_progress' });
    expect(await client.responses.cancel(id)).toMatchObject({ status: 'cancelled' });
    await pause();
    expect(server.scheduler.liveRids).toEqual([]);
    expect(await client.responses.retrieve(id)).toMatchObject({
      status: 'cancelled',
      output: [{ type: 'message' }],
    });
  });
});

it('passes over tools of other servers, and has its own called as the choice says', async () => {
  await start({ toolCallParser: 'hermes' });
  const all = [...tools, { type: 'web_search' }, { type: 'custom', name: 'x' }];
  const { output } = await answer([CALL], { tools: all, tool_choice: { type: 'function', name: 'weather' } });
  expect(output).toMatchObject([{ type: 'function_call', arguments: '{"city": "Paris"}' }]);
  expect(server.prompt).toBe('<weather>[user:hi]>');
  expect(server.sent?.sampling.grammar?.source).toContain('weather');
  await answer(['ok'], { tools: all, tool_choice: { type: 'web_search' } });
  expect(server.sent?.sampling.grammar).toBeNull();
});

it('holds the answer to a schema, which the client parses', async () => {
  await start();
  const reply = client.responses.parse({
    input: 'hi',
    text: { format: zodTextFormat(z.object({ a: z.number() }), 'thing') },
  });
  await server.write(['{"a":1}']);
  expect((await reply).output_parsed).toEqual({ a: 1 });
  expect(server.sent?.sampling.grammar?.kind).toBe('json');
});

it('has log-probabilities of what was said', async () => {
  await start();
  const { output } = await answer(['ab'], { include: ['message.output_text.logprobs'], top_logprobs: 1 });
  const token = (text: string) => ({ token: text, logprob: -1, top_logprobs: [{ token: 'a' }] });
  expect(output).toMatchObject([{ content: [{ text: 'ab', logprobs: [token('a'), token('b')] }] }]);
});

describe('is refused', () => {
  it.each<[string, object, RegExp]>([
    ['no input', { input: undefined }, /input: must be a string or a list of items/],
    [
      'an item nobody knows',
      { input: [{ type: 'web_search_call' }] },
      /input.0.type: 'web_search_call' is not known/,
    ],
    [
      'a picture',
      { input: [{ role: 'user', content: [{ type: 'input_image' }] }] },
      /reads text only, not parts of type 'input_image'/,
    ],
    ['a limit of none', { max_output_tokens: 0 }, /max_output_tokens: must be at least 1/],
    ['a tool without a name', { tools: [{ type: 'function' }] }, /Function tools must include a name\./],
    ['a kind of tool nobody has', { tools: [{ type: 'magic' }] }, /tools.0.type: must be one of/],
    [
      'required without a function',
      { tool_choice: 'required' },
      /requires at least one tool with type="function"/,
    ],
    [
      'log-probabilities of a stream',
      { stream: true, include: ['message.output_text.logprobs'] },
      /logprobs are not supported in streaming mode/,
    ],
    ['a background that is forgotten', { background: true, store: false }, /background needs store/],
    [
      'another id',
      { previous_response_id: 'x' },
      /Invalid 'previous_response_id': 'x'\. Expected an ID that begins with 'resp'\./,
    ],
    ['a conversation kept elsewhere', { conversation: 'conv_1' }, /conversation is not available/],
    [
      'arguments that are no JSON',
      { input: [{ type: 'function_call', call_id: 'c', name: 'f', arguments: '{' }] },
      /arguments must be valid JSON/,
    ],
  ])('%s', async (_, body, message) => {
    await start();
    expect(await server.ask('/v1/responses', { input: 'hi', ...body })).toMatchObject({
      status: 400,
      body: { error: { type: 'invalid_request_error', message: expect.stringMatching(message) as string } },
    });
  });

  it('an earlier response that is not there', async () => {
    await start();
    expect(await server.ask('/v1/responses', { input: 'hi', previous_response_id: 'resp_x' })).toMatchObject({
      status: 404,
      body: { error: { message: "Response with id 'resp_x' not found.", param: 'response_id' } },
    });
  });
});

it('tells of a failure in the middle of a stream', async () => {
  await start();
  const reply = client.responses.create({ input: 'hi', stream: true });
  while (server.scheduler.liveRids.length === 0) await pause();
  const [rid = ''] = server.scheduler.liveRids;
  server.scheduler.emit(rid, 'a', null);
  await pause();
  server.scheduler.emit(rid, '', { type: 'abort', message: 'failed', status_code: 500 });
  const events: ResponseStreamEvent[] = [];
  for await (const event of await reply) events.push(event);
  const last = events.at(-1);
  expect(last).toMatchObject({
    type: 'response.failed',
    response: { status: 'failed', error: { code: 'server_error' } },
  });
});
