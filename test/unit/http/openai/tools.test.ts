import { mark } from '../../../../src/core/grammar';
import type { ServerArgs } from '../../../../src/server-args/server-args';
import { captureLog } from '../../capture-log';
import { Folders } from '../../checkpoint/folders';
import { TestServer } from '../test-server';
import { makeChat } from '../chat/chat-template';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'hi' }];
const SHOWING = '{% for t in tools or [] %}[{{ t.function.name }}]{% endfor %}{{ messages[0].content }}>';
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const tools = [
  { type: 'function', function: { name: 'weather', description: 'The weather', parameters } },
  { type: 'function', function: { name: 'time' } },
];
const CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris"}}\n</tool_call>';
const folders = new Folders();
afterAll(() => folders.removeAll());

let server: TestServer;
afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
});

async function start(args: Partial<ServerArgs> = { toolCallParser: 'hermes' }, template = SHOWING) {
  captureLog();
  server = await TestServer.start({ args, chat: await makeChat(folders, {}, template) });
  server.scheduler.isHolding = true;
}

async function answer(pieces: readonly string[], body: object = {}): Promise<unknown> {
  const reply = server.ask(PATH, { messages, tools, ...body });
  await server.write(pieces);
  return ((await reply).body as { choices: unknown[] }).choices[0];
}

it('shows the tools to the template, and calls to the client', async () => {
  await start();
  expect(await answer([CALL])).toMatchObject({
    message: {
      role: 'assistant',
      content: null,
      tool_calls: [
        {
          id: expect.stringMatching(/^call_[0-9a-f]{24}$/),
          index: 0,
          type: 'function',
          function: { name: 'weather', arguments: '{"city": "Paris"}' },
        },
      ],
    },
    finish_reason: 'tool_calls',
  });
  expect(server.prompt).toBe('[weather][time]hi>');
  expect(server.sent?.decode.skipSpecialTokens).toBe(false);
});

it('keeps the text beside calls, and numbers these', async () => {
  await start();
  const second = CALL.replace('weather', 'time');
  expect(await answer(['Let me see. ', CALL, second])).toMatchObject({
    message: { content: expect.stringContaining('Let me see.'), tool_calls: [{ index: 0 }, { index: 1 }] },
  });
});

it('leaves an answer without calls as it is', async () => {
  await start();
  expect(await answer(['No <tool_ca', 'll is needed.'])).toMatchObject({
    message: { content: 'No <tool_call is needed.', tool_calls: null },
    finish_reason: 'stop',
  });
});

it('streams a call: its name first, then its arguments, wherever the text is cut', async () => {
  await start();
  const reply = server.stream(PATH, { messages, tools, stream: true });
  await server.write(['Well', ...(CALL.match(/.{1,7}/gs) ?? [])]);
  const choices = (await reply).events
    .slice(0, -1)
    .map((event) => (event as { choices: [{ delta: Delta; finish_reason: string | null }] }).choices[0]);
  type Delta = {
    content?: string;
    tool_calls?: {
      id: string | null;
      index: number;
      type: string;
      function: { name: string | null; arguments: string };
    }[];
  };
  expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe('Well');
  const calls = choices.flatMap(({ delta }) => delta.tool_calls ?? []);
  expect(calls[0]).toMatchObject({
    id: expect.stringMatching(/^call_/),
    index: 0,
    type: 'function',
    function: { name: 'weather', arguments: '' },
  });
  expect(
    calls.slice(1).every((call) => call.id === null && call.function.name === null && call.index === 0),
  ).toBe(true);
  expect(calls.map((call) => call.function.arguments).join('')).toBe('{"city": "Paris"}');
  expect(choices.at(-1)?.finish_reason).toBe('tool_calls');
});

it('thinks before it calls', async () => {
  await start({ toolCallParser: 'hermes', reasoningParser: 'qwen3' });
  expect(await answer(['<think>weather?</think>', CALL])).toMatchObject({
    message: { reasoning_content: 'weather?', tool_calls: [{ function: { name: 'weather' } }] },
  });
});

it('finds no calls where nobody said how they are written, nor where the client wants none', async () => {
  await start({});
  expect(await answer([CALL])).toMatchObject({
    message: { content: CALL, tool_calls: null },
    finish_reason: 'stop',
  });
  expect(server.prompt).toBe('[weather][time]hi>');
  await server.close();
  await start();
  expect(await answer([CALL], { tool_choice: 'none' })).toMatchObject({
    message: { content: CALL, tool_calls: null },
  });
  expect(server.prompt).toBe('hi>');
});

it('shows bare functions to a template that wants these', async () => {
  await start(
    { toolCallParser: 'hermes' },
    "{% for t in tools %}{{ '[' + t.name + ']' }}{% endfor %}{{ raise_exception('no names') if not tools[0].name }}>",
  );
  await answer(['x']);
  expect(server.prompt).toBe('[weather][time]>');
});

describe('a call that must be', () => {
  /** As the grammar takes it: what goes without saying is not said. */
  const call = (name: string) => ({
    type: 'object',
    properties: { name: { enum: [name] }, parameters: name === 'time' ? { type: 'object' } : parameters },
    required: ['name', 'parameters'],
  });
  const grammar = () =>
    (JSON.parse(server.sent?.sampling.grammar?.source ?? 'null') as { format: { json_schema: unknown } })
      .format.json_schema;

  it('is held to the form that SGLang gives it, and read from there', async () => {
    await start({});
    const written = ['[{"name": "weather", "parame', 'ters": {"city": "Paris"}}]'];
    expect(await answer(written, { tool_choice: 'required' })).toMatchObject({
      message: {
        content: null,
        tool_calls: [{ function: { name: 'weather', arguments: '{"city": "Paris"}' } }],
      },
      finish_reason: 'tool_calls',
    });
    expect(grammar()).toMatchObject({
      type: 'array',
      minItems: 1,
      items: { anyOf: [call('weather'), call('time')] },
    });
  });

  it('of one tool shows only that one', async () => {
    await start({ toolCallParser: 'pythonic' });
    const choice = {
      tool_choice: { type: 'function', function: { name: 'time' } },
      parallel_tool_calls: false,
    };
    await answer(['[{"name": "time", "parameters": {}}]'], choice);
    expect(server.prompt).toBe('[time]hi>');
    expect(grammar()).toMatchObject({ minItems: 1, maxItems: 1, items: call('time') });
  });

  it.each([null, 'hermes'] as const)(
    'has definitions at the top, each in one way (%s)',
    async (toolCallParser) => {
      await start({ toolCallParser });
      const of = (type: string) => ({
        type: 'object',
        properties: { x: { $ref: '#/$defs/X' } },
        $defs: { X: { type } },
      });
      const two = (a: string, b: string) =>
        [a, b].map((type, i) => ({ type: 'function', function: { name: `f${i}`, parameters: of(type) } }));
      expect(
        await server.ask(PATH, { messages, tools: two('string', 'number'), tool_choice: 'required' }),
      ).toMatchObject({
        status: 400,
        body: { error: { message: "Tool definition 'X' has multiple schemas, which is not supported." } },
      });
      if (toolCallParser !== null) return;
      await answer(['[{"name": "f0", "parameters": {}}]'], {
        tools: two('string', 'string'),
        tool_choice: 'required',
      });
      expect(grammar()).toMatchObject({ $defs: { X: { type: 'string' } } });
    },
  );
});

describe("a grammar of the model's own form", () => {
  const grammar = () => {
    const { kind, source } = server.sent?.sampling.grammar ?? {};
    return kind === 'structural_tag' ? (JSON.parse(source ?? '') as { format: unknown }).format : kind;
  };
  const tag = (begin: string, schema: object, end: string) => ({
    type: 'tag',
    begin,
    content: { type: 'json_schema', json_schema: schema },
    end,
  });
  const hermes = (name: string, schema: object) =>
    tag(`${mark('<tool_call>')}\n{"name": "${name}", "arguments": `, schema, `}\n${mark('</tool_call>')}`);

  it('has a call written as the model was taught, where one must be', async () => {
    await start();
    expect(await answer([CALL], { tool_choice: 'required' })).toMatchObject({
      message: {
        content: null,
        tool_calls: [{ function: { name: 'weather', arguments: '{"city": "Paris"}' } }],
      },
      finish_reason: 'tool_calls',
    });
    expect(grammar()).toMatchObject({
      type: 'tags_with_separator',
      tags: [hermes('weather', parameters), hermes('time', { type: 'object' })],
      separator: '\n',
      at_least_one: true,
      stop_after_first: false,
    });
  });

  it('is of Llama as well', async () => {
    await start({ toolCallParser: 'llama3' });
    const written = '{"name": "time", "parameters": {}}';
    const choice = { type: 'function', function: { name: 'time' } };
    expect(await answer([written], { tool_choice: choice, parallel_tool_calls: false })).toMatchObject({
      message: { tool_calls: [{ function: { name: 'time', arguments: '{}' } }] },
    });
    expect(grammar()).toMatchObject({
      tags: [tag('{"name": "time", "parameters": ', { type: 'object' }, '}')],
      stop_after_first: true,
    });
  });

  const strict = [
    { type: 'function', function: { name: 'weather', parameters, strict: true } },
    { type: 'function', function: { name: 'time', parameters } },
  ];

  it('holds calls that might come to the schemas of strict tools, and leaves all other text free', async () => {
    await start({ toolCallParser: 'hermes', reasoningParser: 'qwen3' });
    expect(await answer(['<think>hm</think>yes'], { tools: strict })).toMatchObject({
      message: { reasoning_content: 'hm', content: 'yes', tool_calls: null },
    });
    expect(grammar()).toMatchObject({
      type: 'triggered_tags',
      triggers: [mark('<tool_call>')],
      tags: [hermes('weather', parameters), hermes('time', { type: 'object' })],
      at_least_one: false,
      stop_after_first: false,
    });
  });

  describe('with arguments as plain text', () => {
    const bounded = { type: 'object', properties: { city: { type: 'string', maxLength: 9 } } };
    const tool = (of: object, strict: boolean) => [
      { type: 'function', function: { name: 'f', parameters: of, strict } },
    ];

    it('has texts stand as they are', async () => {
      await start({ toolCallParser: 'qwen3_coder' });
      const written =
        '<tool_call>\n<function=f>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>';
      const body = { tools: tool(parameters, false), tool_choice: 'required' };
      expect(await answer([written], body)).toMatchObject({
        message: { tool_calls: [{ function: { name: 'f', arguments: '{"city": "Paris"}' } }] },
      });
      expect(grammar()).toMatchObject({
        type: 'tags_with_separator',
        tags: [
          { begin: `${mark('<tool_call>')}\n<function=f>\n`, end: `</function>\n${mark('</tool_call>')}` },
        ],
      });
    });

    it('gives way to the list where it could not hold a text to its schema', async () => {
      await start({ toolCallParser: 'qwen3_coder' });
      const body = { tools: tool(bounded, true), tool_choice: 'required' };
      expect(await answer(['[{"name": "f", "parameters": {"city": "Rome"}}]'], body)).toMatchObject({
        message: { tool_calls: [{ function: { name: 'f', arguments: '{"city": "Rome"}' } }] },
      });
      expect(grammar()).toMatchObject({ type: 'json_schema' });
    });

    it('refuses such a tool where calls only may come and it is strict', async () => {
      await start({ toolCallParser: 'qwen3_coder' });
      expect(await server.ask(PATH, { messages, tools: tool(bounded, true) })).toMatchObject({
        status: 400,
        body: { error: { message: expect.stringContaining("Tool 'f' is strict, but its parameters") } },
      });
    });
  });

  it('gives way to a form that the answer must have', async () => {
    await start();
    await answer(['{}'], { tools: strict, response_format: { type: 'json_object' } });
    expect(grammar()).toBe('json');
  });

  it('names what it cannot hold a call to, and refuses that of a strict tool', async () => {
    await start();
    const odd = (strict: boolean) => ({
      tools: [
        {
          type: 'function',
          function: { name: 'f', strict, parameters: { properties: { x: { multipleOf: 3 } } } },
        },
      ],
      tool_choice: 'required',
    });
    const reply = server.post(PATH, { messages, ...odd(false) });
    await server.write(['<tool_call>{"name": "f", "arguments": {}}</tool_call>']);
    expect((await reply).headers.get('x-sglang-unenforced')).toBe('multipleOf');
    expect(await server.ask(PATH, { messages, ...odd(true) })).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining("Tool 'f' is strict, but multipleOf at #/") } },
    });
  });
});

it.each<[unknown, unknown]>([
  [{ type: 'varchar(255)' }, { type: 'string' }],
  [{ anyOf: [{ type: 'int64' }] }, { anyOf: [{ type: 'integer' }] }],
  [{ items: { type: ['float', 'null'] } }, { items: { type: ['number', 'null'] } }],
  [{ properties: { type: { type: 'Dict' } } }, { properties: { type: { type: 'object' } } }],
])('takes the types of %j for those of JSON', async (written, meant) => {
  await start(
    { toolCallParser: 'hermes' },
    '{% for t in tools or [] %}{{ t.function.parameters | tojson }}{% endfor %}>',
  );
  await answer(['x'], { tools: [{ type: 'function', function: { name: 'f', parameters: written } }] });
  expect(JSON.parse(server.prompt.slice(0, -1))).toEqual(meant);
});

describe('is refused', () => {
  const tool = (of: object) => [{ type: 'function', function: { name: 'f', ...of } }];

  it.each<[string, object, string]>([
    [
      'a choice without tools',
      { tools: [], tool_choice: 'required' },
      'Tools cannot be empty if tool choice is set to required.',
    ],
    [
      'a tool nobody offered',
      { tool_choice: { type: 'function', function: { name: 'x' } } },
      "Tool 'x' not found in tools list.",
    ],
    [
      'a tool without a name',
      { tools: [{ type: 'function', function: {} }] },
      'tools.0.function.name: must be a string',
    ],
    ['another kind of tool', { tools: [{ type: 'retrieval' }] }, 'tools.0.type'],
    [
      'a schema that is a list',
      { tools: tool({ parameters: [] }) },
      "Tool 0 function has invalid 'parameters' schema: parameters must be an object",
    ],
    [
      'a type nobody has',
      { tools: tool({ parameters: { type: 'colour' } }) },
      "invalid 'parameters' schema: parameters.type must be one of",
    ],
    [
      'properties that are none',
      { tools: tool({ parameters: { properties: 5 } }) },
      "invalid 'parameters' schema: parameters.properties",
    ],
    [
      'two forms of one answer',
      { tool_choice: 'required', response_format: { type: 'json_object' } },
      "tool_choice 'required' or a named tool cannot be combined with response_format",
    ],
    ['a choice that is none', { tool_choice: 'some' }, 'tool_choice: must be auto, none, required'],
  ])('%s', async (_, body, message) => {
    await start();
    expect(await server.ask(PATH, { messages, tools, ...body })).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining(message) } },
    });
  });
});
