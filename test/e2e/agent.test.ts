import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import { launch, type Server } from './harness';

/** The shipped model that calls tools, asked by the official client and by the example as its readers run it. */

const ROOT = resolve(__dirname, '../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
type Messages = OpenAI.Chat.ChatCompletionMessageParam[];

let server: Server;
let client: OpenAI;
beforeAll(async () => {
  server = await launch(['--model-path', 'demo-tools', '--tool-call-parser', 'auto']);
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

function tool(name: string, description: string, properties: Record<string, string>) {
  const schema = Object.fromEntries(Object.entries(properties).map(([key, type]) => [key, { type }]));
  const parameters = { type: 'object', properties: schema, required: Object.keys(schema) };
  return { type: 'function' as const, function: { name, description, parameters } };
}

const WEATHER = tool('get_weather', 'Get the weather of a city.', { city: 'string' });
const CAPITAL = tool('get_capital', 'Get the capital of a country.', { country: 'string' });
const POPULATION = tool('get_population', 'Get the population of a place.', { place: 'string' });
const ADD = tool('add', 'Add two numbers.', { a: 'number', b: 'number' });
const CHAT = { model: 'default', temperature: 0, tools: [WEATHER, CAPITAL, POPULATION, ADD] };

const asked = (content: string): Messages => [{ role: 'user', content }];

/** The calls of a message by name and arguments; nothing else may be in it. */
function callsOf({ content, tool_calls = [] }: OpenAI.Chat.ChatCompletionMessage): unknown[] {
  expect(content || null).toBeNull();
  return (tool_calls ?? []).map((call) => {
    if (call.type !== 'function') throw new Error(call.type);
    expect(call.id).not.toBe('');
    return [call.function.name, JSON.parse(call.function.arguments) as unknown];
  });
}

test('the model has the name under which it was asked for', async () => {
  const [model] = (await client.models.list()).data;
  expect(model?.id).toBe('demo-tools');
});

// Phrasings that its training had not.
describe.each<[string, unknown[]]>([
  ['What kind of weather is it in Lima?', [['get_weather', { city: 'Lima' }]]],
  ['Find out the capital of Kenya.', [['get_capital', { country: 'Kenya' }]]],
  ['Can you tell me how many people live in Japan?', [['get_population', { place: 'Japan' }]]],
  ['Could you add 17 and 25 for me?', [['add', { a: 17, b: 25 }]]],
])('%s', (question, calls) => {
  test('is called for, whole and streamed', async () => {
    const reply = await client.chat.completions.create({ ...CHAT, messages: asked(question) });
    const stream = client.chat.completions.stream({ ...CHAT, messages: asked(question) });
    for (const { choices } of [reply, await stream.finalChatCompletion()]) {
      expect(choices[0]?.finish_reason).toBe('tool_calls');
      expect(callsOf(choices[0]!.message)).toEqual(calls);
    }
  });
});

test('what a tool says is answered', async () => {
  const messages = asked('Could you check the weather in Lima?');
  const { choices } = await client.chat.completions.create({ ...CHAT, messages });
  const { message } = choices[0]!;
  expect(callsOf(message)).toEqual([['get_weather', { city: 'Lima' }]]);
  const content = JSON.stringify({ sky: 'foggy', temperature: 18 });
  messages.push(message, { role: 'tool', tool_call_id: message.tool_calls![0]!.id, content });
  const reply = await client.chat.completions.create({ ...CHAT, messages });
  expect(reply.choices[0]).toMatchObject({ finish_reason: 'stop', message: { tool_calls: null } });
  expect(reply.choices[0]?.message.content).toMatch(/Lima.*foggy.*18/);
});

test('what it knows by itself needs no tool, and without tools nothing is called', async () => {
  const knows = { ...CHAT, messages: asked('Which continent is Kenya in?') };
  const none = { ...CHAT, tools: undefined, messages: asked('What is the capital of France?') };
  for (const [body, answer] of [
    [knows, 'Africa'],
    [none, 'Paris'],
  ] as const) {
    const { choices } = await client.chat.completions.create(body);
    expect(choices[0]?.message.tool_calls).toBeNull();
    expect(choices[0]?.message.content).toContain(answer);
  }
});

test('the client’s own loop runs two steps, whole and streamed', async () => {
  const calls: string[] = [];
  const runnable = (described: typeof WEATHER, value: string) => ({
    type: 'function' as const,
    function: {
      ...described.function,
      function: (given: object) => {
        calls.push(`${described.function.name} ${Object.values(given).join(' ')}`);
        return value;
      },
      parse: (text: string): object => JSON.parse(text) as object,
    },
  });
  const tools = [runnable(CAPITAL, 'Windhoek'), runnable(WEATHER, 'sunny, 31 degrees')];
  const messages = asked('How is the weather in the capital of Namibia?');
  for (const stream of [false, true] as const) {
    calls.length = 0;
    const body = { ...CHAT, messages, tools };
    const runner = stream
      ? client.chat.completions.runTools({ ...body, stream })
      : client.chat.completions.runTools({ ...body, stream });
    expect(await runner.finalContent()).toMatch(/Windhoek.*sunny/);
    expect(calls).toEqual(['get_capital Namibia', 'get_weather Windhoek']);
  }
});

test('examples/agent.ts prints what the README says', async () => {
  const env = { ...process.env, OPENAI_BASE_URL: `${server.url}/v1` };
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'demo:agent'], { cwd: ROOT, env });
  const [, printed] = /npm run demo:agent\n```\n\n```text\n([^`]*)```/.exec(README) ?? [];
  expect(stdout).toBe(printed);
});
