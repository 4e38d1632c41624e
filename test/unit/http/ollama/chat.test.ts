import { Ollama, type ChatResponse } from 'ollama';
import { abortedFor } from '../../../../src/core/request';
import type { ServerArgs } from '../../../../src/server-args/server-args';
import { captureLog } from '../../capture-log';
import { Folders } from '../../checkpoint/folders';
import { makeChat } from '../chat/chat-template';
import { TestServer } from '../test-server';

/** Tools and thoughts by Ollama's client, against a scheduler whose answers are written by hand. */

const folders = new Folders();
afterAll(() => folders.removeAll());

/** Shows what reaches the template. */
const SHOWING =
  '{% for t in tools or [] %}<{{ t.function.name }}>{% endfor %}' +
  '{% for m in messages %}[{{ m.role }}:{{ m.name or "" }}{{ m.tool_call_id or "" }}{{ m.reasoning_content or "" }}{{ m.content }}' +
  '{% for c in m.tool_calls or [] %}{{ c.id }}{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}]{% endfor %}>';
const SWITCHED = `${SHOWING}{% if enable_thinking is defined %}{{ enable_thinking }}{% endif %}`;
const messages = [{ role: 'user', content: 'hi' }];
const weather = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};
const call = (city: string) =>
  `<tool_call>\n{"name": "weather", "arguments": {"city": "${city}"}}\n</tool_call>`;

let server: TestServer;
let client: Ollama;
afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
});

async function start(args: Partial<ServerArgs> = {}, template = SHOWING): Promise<void> {
  captureLog();
  server = await TestServer.start({
    args: { servedModelName: 'm', ...args },
    facts: { contextLen: 512 },
    chat: await makeChat(folders, {}, template),
  });
  server.scheduler.isHolding = true;
  client = new Ollama({ host: server.url });
}

async function answer(pieces: readonly string[], body: object = {}): Promise<ChatResponse> {
  const reply = client.chat({ model: 'm', messages, ...body });
  await Promise.race([server.write(pieces), reply]);
  return reply;
}

async function streamed(pieces: readonly string[], body: object = {}): Promise<ChatResponse[]> {
  const chunks: ChatResponse[] = [];
  const read = async () => {
    for await (const chunk of await client.chat({ model: 'm', messages, ...body, stream: true }))
      chunks.push(chunk);
  };
  await Promise.all([read(), server.write(pieces)]);
  return chunks;
}

it('gives calls in one piece, with arguments that are an object', async () => {
  await start({ toolCallParser: 'hermes' });
  const text = `Look.${call('Paris')}\n${call('Rome')}`;
  const expected = ['Paris', 'Rome'].map((city, index) => ({
    id: expect.any(String) as string,
    function: { index, name: 'weather', arguments: { city } },
  }));
  const whole = await answer([text], { tools: [weather] });
  expect(whole.message).toEqual({ role: 'assistant', content: 'Look.', tool_calls: expected });
  expect(whole.done_reason).toBe('stop');
  expect(server.prompt).toBe('<weather>[user:hi]>');
  const chunks = await streamed(text.match(/.{1,7}/gs) ?? [], { tools: [weather] });
  expect(chunks.map(({ message }) => message.content).join('')).toBe('Look.');
  expect(chunks.flatMap(({ message }) => message.tool_calls ?? [])).toEqual(expected);
  expect(chunks.filter(({ done }) => done)).toEqual([chunks.at(-1)]);
});

it('reads the results of calls by the names of their functions', async () => {
  await start({ toolCallParser: 'hermes' });
  const called = (name: string) => ({ function: { name, arguments: { a: 1 } } });
  await answer(['ok'], {
    messages: [
      ...messages,
      { role: 'assistant', content: '', thinking: 'hm', tool_calls: [called('x'), called('y')] },
      { role: 'tool', tool_name: 'y', content: '2' },
      { role: 'tool', tool_name: 'x', content: '1' },
    ],
  });
  expect(server.prompt).toBe(
    '[user:hi][assistant:hmcall_0x{"a": 1}call_1y{"a": 1}][tool:ycall_12][tool:xcall_01]>',
  );
});

it('tells thoughts apart, and has the template switch them', async () => {
  await start({ reasoningParser: 'qwen3' }, SWITCHED);
  const { message } = await answer(['<think>hm</think>', 'Hello'], { think: true });
  expect(message).toEqual({ role: 'assistant', content: 'Hello', thinking: 'hm' });
  expect(server.prompt).toMatch(/>true$/i);
  const chunks = await streamed(['<think>h', 'm</think>', 'Hello'], { think: 'high' });
  expect(chunks.map((chunk) => chunk.message.thinking ?? '').join('')).toBe('hm');
  await answer(['Hello'], { think: false });
  expect(server.prompt).toMatch(/>false$/i);
});

it('asks for nothing where a model cannot think and need not', async () => {
  await start();
  expect((await answer(['Hello'], { think: false })).message.content).toBe('Hello');
  await expect(client.chat({ model: 'm', messages, think: 'low' })).rejects.toThrow(
    'does not support thinking',
  );
});

it('tells of a failure in a stream by its last line', async () => {
  await start();
  const read = async () => {
    for await (const chunk of await client.chat({ model: 'm', messages, stream: true })) void chunk;
  };
  const end = abortedFor(500, 'broken');
  await Promise.all([expect(read()).rejects.toThrow('broken'), server.write(['b', 'c'], end)]);
});

it('names the options as the client does, and takes them as they are meant', async () => {
  await start();
  const options = { num_predict: 7, top_k: 0, repeat_penalty: 1.5, stop: ['x'], seed: 3, temperature: 0.5 };
  await answer(['a'], { options });
  expect(server.scheduler.all('generate').at(-1)?.sampling).toMatchObject({
    maxNewTokens: 7,
    repetitionPenalty: 1.5,
    temperature: 0.5,
  });
  await expect(client.chat({ model: 'm', messages, options: { repeat_penalty: 9 } })).rejects.toThrow(
    /^repeat_penalty/,
  );
  await expect(client.chat({ model: 'm', messages, options: { temprature: 1 } as object })).rejects.toThrow(
    'temperature',
  );
});
