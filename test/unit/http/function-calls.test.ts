import { TestServer } from './test-server';

let server: TestServer;
afterEach(() => server.close());

const TOOLS = [
  { type: 'function', function: { name: 'ping' } },
  {
    type: 'function',
    function: { name: 'get_weather', description: 'The weather.', parameters: { type: 'object' } },
  },
];
const TEXT = 'Now:\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "北京"}}\n</tool_call>';

async function parse(body: object): Promise<unknown> {
  const reply = await server.post('/parse_function_call', body);
  return { status: reply.status, body: await reply.json() };
}

it('finds the calls in a text', async () => {
  server = await TestServer.start();
  expect(await parse({ text: TEXT, tools: TOOLS, tool_call_parser: 'qwen25' })).toEqual({
    status: 200,
    body: {
      normal_text: 'Now:',
      calls: [{ tool_index: 1, name: 'get_weather', parameters: '{"city": "北京"}' }],
    },
  });
});

it('goes by --tool-call-parser where the body names none', async () => {
  server = await TestServer.start({ args: { toolCallParser: 'hermes' } });
  expect(await parse({ text: TEXT, tools: [TOOLS[0]] })).toEqual({
    status: 200,
    body: { normal_text: TEXT, calls: [] },
  });
});

it.each([
  [
    'an unknown parser',
    { tool_call_parser: 'none_such' },
    /^tool_call_parser: must be auto or one of .*hermes/,
  ],
  ['no parser', {}, /^tool_call_parser: must be auto or one of .*hermes/],
  [
    'auto where there is no template',
    { tool_call_parser: 'auto' },
    /^tool_call_parser: the chat template tells of none; .*hermes/,
  ],
  ['tools that are no list', { tools: {} }, /^tools: must be a list of tools/],
  ['a tool without a function', { tools: [{ type: 'function' }] }, /^tools\.0\.function: must be an object/],
  ['a tool without a name', { tools: [{ function: {} }] }, /^tools\.0\.function\.name: must be a string/],
  ['a tool of another type', { tools: [{ type: 'x', function: { name: 'a' } }] }, /^tools\.0\.type: must be/],
  ['no text', { text: undefined }, /^text: must be a string/],
])('refuses %s', async (_, fault, message) => {
  server = await TestServer.start();
  const body = { text: TEXT, tools: TOOLS, ...fault };
  expect(await parse(body)).toMatchObject({ status: 400 });
  expect(JSON.stringify(await parse(body))).toMatch(new RegExp(message.source.replace('^', '"message":"')));
});
