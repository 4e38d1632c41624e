import OpenAI from 'openai';
import { promptIds } from './client';
import { launch, type Server } from './harness';

/** Constrained answers with OpenAI's official client, and in the forms of other servers' clients. */

let server: Server;
let client: OpenAI;
beforeAll(async () => {
  server = await launch([
    '--constrained-json-disable-any-whitespace',
    '--chat-template',
    'chatml',
    '--tool-call-parser',
    'hermes',
  ]);
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });
});

const messages = [{ role: 'user' as const, content: 'Who are you?' }];
const schema = {
  type: 'object',
  properties: {
    name: { type: 'string', pattern: '^[a-z]{1,6}$' },
    age: { type: 'integer', minimum: 0, maximum: 99 },
  },
  required: ['name', 'age'],
};
const json_schema = { name: 'person', schema, strict: true };
const response_format = { type: 'json_schema' as const, json_schema };
const base = { model: 'default', messages, max_tokens: 120 };

function expectPerson(text: string | null | undefined): void {
  expect(JSON.parse(text ?? '')).toEqual({
    name: expect.stringMatching(/^[a-z]{1,6}$/) as string,
    age: expect.any(Number) as number,
  });
}

test('json_schema: each of several choices, and a stream is what the whole is', async () => {
  const whole = await client.chat.completions.create({ ...base, response_format, n: 3, seed: 5 });
  for (const { message, finish_reason } of whole.choices) {
    expect(finish_reason).toBe('stop');
    expectPerson(message.content);
  }
  const stream = await client.chat.completions.create({ ...base, response_format, seed: 5, stream: true });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  expect(text).toBe(whole.choices[0]?.message.content);
});

test('json_object gives an object', async () => {
  const params = { ...base, max_tokens: 400, seed: 3, logit_bias: { 92: 8 } };
  const { choices } = await client.chat.completions.create({
    ...params,
    response_format: { type: 'json_object' },
  });
  expect(choices[0]?.message.content).toMatch(/^\{/);
  if (choices[0]?.finish_reason === 'stop') JSON.parse(choices[0].message.content ?? '');
});

test('strict: false leaves out what cannot be enforced, and says so; otherwise it is refused', async () => {
  const odd = { type: 'array', items: { type: 'integer', multipleOf: 7 }, uniqueItems: true, maxItems: 2 };
  const ask = (strict: boolean) =>
    server.post('/v1/chat/completions', {
      ...base,
      response_format: { type: 'json_schema', json_schema: { name: 'odd', schema: odd, strict } },
    });
  const lenient = await ask(false);
  expect(lenient.status).toBe(200);
  expect(lenient.headers.get('x-sglang-unenforced')).toBe('uniqueItems,multipleOf');
  const strict = await ask(true);
  expect(strict.status).toBe(400);
  expect(await strict.text()).toContain('uniqueItems at # cannot be enforced');
});

test.each<[string, object, RegExp]>([
  ['regex', { regex: '[0-9]{4}' }, /^\d{4}$/],
  ['ebnf', { ebnf: 'root ::= "yes" | "no"' }, /^(yes|no)$/],
  ['guided_regex', { guided_regex: '[ab]{3}' }, /^[ab]{3}$/],
  ['guided_choice', { guided_choice: ['a|b', '(c)'] }, /^(a\|b|\(c\))$/],
  ['guided_grammar', { guided_grammar: 'root ::= "x"+ "y"' }, /^x+y?$/],
  ['guided_json', { guided_json: { enum: ['red', 'blue'] } }, /^"(red|blue)"$/],
  ['structured_outputs', { structured_outputs: { choice: ['one', 'two'] } }, /^(one|two)$/],
])('%s on both routes', async (_, fields, expected) => {
  const chat = (await (await server.post('/v1/chat/completions', { ...base, ...fields })).json()) as {
    choices: { message: { content: string } }[];
  };
  expect(chat.choices[0]?.message.content).toMatch(expected);
  const body = { model: 'default', prompt: promptIds(5), max_tokens: 20, ...fields };
  const completion = (await (await server.post('/v1/completions', body)).json()) as {
    choices: { text: string }[];
  };
  expect(completion.choices[0]?.text).toMatch(expected);
});

test('a call that must be comes in the form of the model and fits the schema; whole and streamed', async () => {
  const tools = [
    { type: 'function' as const, function: { name: 'greet', parameters: schema } },
    { type: 'function' as const, function: { name: 'wave' } },
  ];
  const choice = { type: 'function' as const, function: { name: 'greet' } };
  const params = {
    ...base,
    tools,
    tool_choice: choice,
    parallel_tool_calls: false,
    seed: 4,
    max_tokens: 600,
  };
  const { choices } = await client.chat.completions.create(params);
  const [call] = choices[0]?.message.tool_calls ?? [];
  if (call?.type !== 'function') throw new Error('no call');
  expect(call.function.name).toBe('greet');
  expectPerson(call.function.arguments);
  expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
  const streamed = await client.chat.completions.stream(params).finalMessage();
  expect(streamed.tool_calls?.map((part) => part.type === 'function' && part.function)).toMatchObject([
    { name: 'greet', arguments: call.function.arguments },
  ]);
});

test('a strict tool leaves text free and holds calls to its schema', async () => {
  const tools = [
    { type: 'function' as const, function: { name: 'greet', parameters: schema, strict: true } },
  ];
  // The bias has this untrained model begin a call.
  const bias = [...'<tool_call>'].map((letter) => [String(letter.charCodeAt(0)), 6]);
  const params = { ...base, tools, seed: 6, max_tokens: 200, logit_bias: Object.fromEntries(bias) };
  const { choices } = await client.chat.completions.create(params);
  for (const call of choices[0]?.message.tool_calls ?? []) {
    if (call.type === 'function' && choices[0]?.finish_reason === 'tool_calls')
      expectPerson(call.function.arguments);
  }
  expect(choices[0]?.message.content ?? '').not.toMatch(/<tool_call>(?!\n\{"name": "greet", "arguments": )/);
});

test.each<[object, RegExp]>([
  [{ response_format: { type: 'json_schema' } }, /schema_ is required/],
  [{ response_format: { type: 'yaml' } }, /response_format.type must be/],
  [{ response_format, regex: 'a' }, /Only one of/],
])('%j is refused', async (fields, reason) => {
  const reply = await server.post('/v1/chat/completions', { ...base, ...fields });
  expect(reply.status).toBe(400);
  expect(await reply.text()).toMatch(reason);
});
