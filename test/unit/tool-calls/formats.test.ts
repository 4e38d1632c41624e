import { JSON_ARRAY_PARSER, type ToolParserName } from '../../../src/tool-calls/registry';
import { parseWhole } from '../../../src/tool-calls/whole-text';
import { eventsOf, read, TOOLS } from './support';

type Row = readonly [
  parser: ToolParserName,
  what: string,
  text: string,
  left: string,
  ...calls: readonly (readonly [string, string])[],
];

const PARIS = '{"city": "Paris"}';
const paris = ['get_weather', PARIS] as const;
const ping = ['ping', '{}'] as const;
const json = (key: string) => `{"name": "get_weather", "${key}": ${PARIS}}`;
const coder = (body: string) => `<tool_call>\n<function=get_weather>\n${body}</function>\n</tool_call>`;
const glm = (body: string) => `<tool_call>get_weather\n${body}</tool_call>`;
const v3 = (name: string, args: string) =>
  `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n${args}\n\`\`\`<｜tool▁call▁end｜>`;
const v31 = (name: string, args: string) =>
  `<｜tool▁call▁begin｜>${name}<｜tool▁sep｜>${args}<｜tool▁call▁end｜>`;
const calls = (text: string) => `<｜tool▁calls▁begin｜>${text}<｜tool▁calls▁end｜>`;
const kimi = (id: string, args: string) =>
  `<|tool_call_begin|>${id}<|tool_call_argument_begin|>${args}<|tool_call_end|>`;
const section = (text: string) => `<|tool_calls_section_begin|>${text}<|tool_calls_section_end|>`;
const harmony = (name: string, args: string) =>
  `<|channel|>commentary to=functions.${name} <|constrain|>json<|message|>${args}<|call|>`;

const ROWS: readonly Row[] = [
  ['llama3', 'after its mark', `<|python_tag|>${json('parameters')}`, '', paris],
  ['llama3', 'from the start', `\n${json('parameters')}`, '', paris],
  ['llama3', 'several', `${json('parameters')}; {"name": "ping", "parameters": {}}`, '', paris, ping],
  [
    'llama3',
    'quotes of Python',
    `{'name': 'get_weather', 'parameters': {'city': "Paris", 'x': None}}`,
    '',
    ['get_weather', '{"city": "Paris", "x": null}'],
  ],
  ['llama3', 'an unknown one in quotes of Python', `{'name': 'rm'}`, `{'name': 'rm'}`],
  ['llama3', 'a dictionary that is no call', `{'a': 1} {'name': `, `{'a': 1} {'name': `],
  ['llama3', 'several on lines', `${json('parameters')}\n${json('arguments')}`, '', paris, paris],
  ['llama3', 'text after', `${json('parameters')} Done.`, ' Done.', paris],
  ['llama3', 'text before', `I call. <|python_tag|>${json('parameters')}`, 'I call.', paris],
  ['llama3', 'an object in prose', `See ${json('parameters')}`, `See ${json('parameters')}`],
  ['llama3', 'an object that is an answer', '{"a": 1}', '{"a": 1}'],
  ['llama3', 'code after its mark', '<|python_tag|>print(1)', '<|python_tag|>print(1)'],
  ['llama3', 'an unknown one of two', `{"name": "rm"}; ${json('parameters')}`, '{"name": "rm"};', paris],

  ['mistral', 'a list', `[TOOL_CALLS] [${json('arguments')}, {"name": "ping"}]`, '', paris, ping],
  ['mistral', 'a list without its end', `[TOOL_CALLS] [${json('arguments')}`, '', paris],
  ['mistral', 'the short form', `[TOOL_CALLS]get_weather[ARGS]${PARIS}`, '', paris],
  [
    'mistral',
    'two short ones',
    `Ok. [TOOL_CALLS]ping[ARGS]{}[TOOL_CALLS]get_weather[ARGS]${PARIS}`,
    'Ok.',
    ping,
    paris,
  ],
  ['mistral', 'the short form with an id', `[TOOL_CALLS]ping[CALL_ID]a1B2[ARGS]{}`, '', ping],
  ['mistral', 'text after', `[TOOL_CALLS] [${json('arguments')}] Done.`, ' Done.', paris],
  ['mistral', 'a literal mark', 'Write [TOOL_CALLS] first [1].', 'Write [TOOL_CALLS] first [1].'],
  ['mistral', 'an unknown one', '[TOOL_CALLS]rm[ARGS]{"a": 1}', '[TOOL_CALLS]rm[ARGS]{"a": 1}'],
  [
    'mistral',
    'an unknown one of two',
    `[TOOL_CALLS] [{"name": "rm"}, ${json('arguments')}]`,
    '[TOOL_CALLS] [{"name": "rm"},',
    paris,
  ],

  ['pythonic', 'one', '[get_weather(city="Paris")]', '', paris],
  ['pythonic', 'several', "[get_weather(city='Paris'), ping()]", '', paris, ping],
  ['pythonic', 'marks around', '<|python_start|>[ping()]<|python_end|>', '', ping],
  ['pythonic', 'text around', 'Now: [ping()] done', 'Now: done', ping],
  ['pythonic', 'brackets in prose', 'a [1], [see](x), [ping] and [', 'a [1], [see](x), [ping] and ['],
  ['pythonic', 'an unknown one that quotes one', '[rm(a="[ping()]")]', '[rm(a="[ping()]")]'],
  ['pythonic', 'arguments without names', '[get_weather("Paris")]', '[get_weather("Paris")]'],
  ['pythonic', 'one that breaks off before anything is sure', '[get_weather(days=1', '[get_weather(days=1'],
  ['pythonic', 'one that breaks off', '[get_weather(city="Paris", days=', ' days=', paris],
  [
    'pythonic',
    'values of all kinds',
    `[get_weather(a=None, b=True, c=-1.5e3, d=(1, 2,), e={'x': [1, {}], 2: "y"}, f='it\\'s\\n"é\\x41"', g="a" 'b', h="""1"2""", i=12345678901234567890)]`,
    '',
    [
      'get_weather',
      '{"a": null, "b": true, "c": -1.5e3, "d": [1, 2], "e": {"x": [1, {}], "2": "y"}, "f": "it\'s\\n\\"éA\\"", "g": "ab", "h": "1\\"2", "i": 12345678901234567890}',
    ],
  ],

  [
    'lfm2',
    'a list of Python',
    'Ok.<|tool_call_start|>[get_weather(city="Paris")]<|tool_call_end|>Now.',
    'Ok.Now.',
    paris,
  ],
  ['lfm2', 'a list of JSON', `<|tool_call_start|>[${json('arguments')}]<|tool_call_end|>`, '', paris],
  [
    'lfm2',
    'several blocks',
    '<|tool_call_start|>[ping()]<|tool_call_end|>\n<|tool_call_start|>[ping()]',
    '',
    ping,
    ping,
  ],
  [
    'lfm2',
    'no list',
    '<|tool_call_start|>ping()<|tool_call_end|>',
    '<|tool_call_start|>ping()<|tool_call_end|>',
  ],

  [
    'minimax-m2',
    'several in one block, with text around',
    'Ok.\n<minimax:tool_call>\n<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n</invoke>\n' +
      '<invoke name="ping">\n</invoke>\n</minimax:tool_call>\nDone.',
    'Ok.\nDone.',
    paris,
    ping,
  ],
  [
    'minimax-m2',
    'types of the schema, and values as they stand',
    '<minimax:tool_call><invoke name="get_weather"><parameter name="days">3</parameter><parameter name="city">\na\n</parameter>' +
      '<parameter name="tags">["a"]</parameter><parameter name="other">1</parameter></invoke></minimax:tool_call>',
    '',
    ['get_weather', '{"days": 3, "city": "\\na\\n", "tags": ["a"], "other": "1"}'],
  ],
  [
    'minimax-m2',
    'an unknown one of two',
    '<minimax:tool_call><invoke name="rm"><parameter name="a">1</parameter></invoke><invoke name="ping"></invoke></minimax:tool_call>',
    '<minimax:tool_call><invoke name="rm"><parameter name="a">1</parameter></invoke>',
    ping,
  ],
  [
    'minimax-m2',
    'one that breaks off',
    '<minimax:tool_call><invoke name="get_weather"><parameter name="city">Paris</parameter><parameter name="da',
    '<parameter name="da',
    paris,
  ],
  ['minimax-m2', 'a mark in prose', 'Use <minimax:tool_call> here.', 'Use <minimax:tool_call> here.'],

  [
    'deepseekv32',
    'strings and JSON',
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="get_weather">\n<｜DSML｜parameter name="city" string="true">12</｜DSML｜parameter>\n' +
      '<｜DSML｜parameter name="days" string="false">3</｜DSML｜parameter>\n<｜DSML｜parameter name="where" string="false">{"a": null}</｜DSML｜parameter>\n' +
      '</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    '',
    ['get_weather', '{"city": "12", "days": 3, "where": {"a": null}}'],
  ],
  [
    'deepseekv32',
    'what a type would say otherwise',
    '<｜DSML｜invoke name="get_weather"><｜DSML｜parameter name="days" string="true">null</｜DSML｜parameter>' +
      '<｜DSML｜parameter name="city" string="false">not JSON</｜DSML｜parameter><｜DSML｜parameter name="hourly">true</｜DSML｜parameter></｜DSML｜invoke>',
    '',
    ['get_weather', '{"days": "null", "city": "not JSON", "hourly": true}'],
  ],
  [
    'deepseekv32',
    'arguments as JSON, and none at all',
    `Ok.<｜DSML｜function_calls><｜DSML｜invoke name="get_weather">\n${PARIS}\n</｜DSML｜invoke>` +
      '<｜DSML｜invoke name="ping"/><｜DSML｜invoke name="ping" /><｜DSML｜invoke name="ping"></｜DSML｜invoke></｜DSML｜function_calls>',
    'Ok.',
    paris,
    ping,
    ping,
    ping,
  ],
  [
    'deepseekv32',
    'unknown ones',
    '<｜DSML｜invoke name="rm"/><｜DSML｜invoke name="rm">{}</｜DSML｜invoke>',
    '<｜DSML｜invoke name="rm"/><｜DSML｜invoke name="rm">{}</｜DSML｜invoke>',
  ],

  [
    'step3',
    'several',
    'Ok.<｜tool_calls_begin｜><｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="get_weather"><steptml:parameter name="city">Paris' +
      '</steptml:parameter></steptml:invoke><｜tool_call_end｜>\n<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="ping">' +
      '</steptml:invoke><｜tool_call_end｜><｜tool_calls_end｜>Done.',
    'Ok.Done.',
    paris,
    ping,
  ],
  [
    'step3',
    'another kind of call',
    '<｜tool_call_begin｜>code<｜tool_sep｜>1<｜tool_call_end｜>',
    '<｜tool_call_begin｜>code<｜tool_sep｜>1<｜tool_call_end｜>',
  ],

  [
    'interns1',
    'several, with text around',
    `Ok.<|action_start|> <|plugin|>\n${json('parameters')}<|action_end|>\n<|action_start|><|plugin|>{"name": "ping"}<|action_end|>Done.`,
    'Ok.Done.',
    paris,
    ping,
  ],
  [
    'interns1',
    'another kind of action',
    '<|action_start|><|interpreter|>print(1)<|action_end|>',
    '<|action_start|><|interpreter|>print(1)<|action_end|>',
  ],
  ['interns1', 'no end', `<|action_start|> <|plugin|>\n${json('arguments')}`, '', paris],

  [
    'gigachat3',
    'after what was said',
    `Ok.<|message_sep|>\n\nfunction call<|role_sep|>\n${json('arguments')}<|message_sep|>`,
    'Ok.',
    paris,
  ],
  ['gigachat3', 'the mark of its own', `<|function_call|>${json('arguments')}`, '', paris],
  [
    'gigachat3',
    'prose',
    'A function call is no function call<|role_sep|>.',
    'A function call is no function call<|role_sep|>.',
  ],

  [
    'trinity',
    'within thoughts and after them',
    `<think>I call.<tool_call>\n${json('arguments')}\n</tool_call></think> Done <b>.`,
    'I call. Done <b>.',
    paris,
  ],

  [
    'mimo',
    'values on their line',
    coder('<parameter=city>Paris</parameter>\n<parameter=days>3</parameter>\n'),
    '',
    ['get_weather', '{"city": "Paris", "days": 3}'],
  ],
  ['qwen3_coder', 'one', coder('<parameter=city>\nParis\n</parameter>\n'), '', paris],
  ['qwen3_coder', 'no arguments', '<tool_call>\n<function=ping>\n</function>\n</tool_call>', '', ping],
  ['qwen3_coder', 'no outer marks', '<function=ping></function>', '', ping],
  [
    'qwen3_coder',
    'types of the schema',
    coder(
      '<parameter=days>\n3\n</parameter>\n<parameter=degrees>1.50</parameter>\n<parameter=hourly>\nTrue\n</parameter>\n' +
        '<parameter=where>\n{\'lat\': None}\n</parameter>\n<parameter=tags>[1, "a"]</parameter>\n<parameter=other>7</parameter>\n',
    ),
    '',
    [
      'get_weather',
      '{"days": 3, "degrees": 1.50, "hourly": true, "where": {"lat": null}, "tags": [1, "a"], "other": "7"}',
    ],
  ],
  [
    'qwen3_coder',
    'lines in a value',
    coder('<parameter=city>\n\na\n<b>\n\n</parameter>\n'),
    '',
    ['get_weather', '{"city": "\\na\\n<b>\\n"}'],
  ],
  [
    'qwen3_coder',
    'a value without its end',
    coder('<parameter=city>\na\n<parameter=days>\n1\n'),
    '',
    ['get_weather', '{"city": "a", "days": 1}'],
  ],
  [
    'qwen3_coder',
    'values of other types than said',
    coder('<parameter=days>soon</parameter><parameter=tags>x</parameter>'),
    '',
    ['get_weather', '{"days": "soon", "tags": "x"}'],
  ],
  [
    'qwen3_coder',
    'a literal mark',
    'The <tool_call> and <function=ping> tags',
    'The <tool_call> and <function=ping> tags',
  ],
  [
    'qwen3_coder',
    'an unknown one',
    'a <tool_call>\n<function=rm>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call> b',
    'a <tool_call>\n<function=rm>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call> b',
  ],
  [
    'qwen3_coder',
    'one that breaks off',
    '<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n1',
    '\n<parameter=days>\n1',
    paris,
  ],
  [
    'qwen3_coder',
    'one that breaks off at once',
    '<tool_call><function=get_weather><parameter=city>\nPar',
    '<parameter=city>\nPar',
    ['get_weather', '{}'],
  ],

  ['glm45', 'one', glm('<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n'), '', paris],
  [
    'glm45',
    'several',
    `Hm.\n${glm('<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n')}\n<tool_call>ping\n</tool_call>`,
    'Hm.',
    ['get_weather', '{"days": 2}'],
    ping,
  ],
  [
    'glm47',
    'one line',
    '<tool_call>get_weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>',
    '',
    paris,
  ],
  ['glm47', 'no arguments', '<tool_call>ping</tool_call>', '', ping],
  ['glm', 'a literal mark', 'The <tool_call> tag', 'The <tool_call> tag'],
  ['glm', 'an unknown one', '<tool_call>rm</tool_call>', '<tool_call>rm</tool_call>'],

  ['deepseekv3', 'one', calls(v3('get_weather', PARIS)), '', paris],
  [
    'deepseekv3',
    'several',
    `Ok.\n${calls(`${v3('get_weather', PARIS)}\n${v3('ping', '{}')}`)}`,
    'Ok.',
    paris,
    ping,
  ],
  ['deepseekv3', 'one without its end', `<｜tool▁calls▁begin｜>${v3('ping', '{}').slice(0, -20)}`, '', ping],
  ['deepseekv3', 'an unknown one', calls(v3('rm', PARIS)), calls(v3('rm', PARIS))],
  ['deepseekv31', 'one', calls(v31('get_weather', PARIS)), '', paris],
  ['deepseekv31', 'several', calls(v31('ping', '{}') + v31('get_weather', PARIS)), '', ping, paris],
  ['deepseekv31', 'no JSON', calls(v31('ping', 'now')), calls(v31('ping', 'now'))],

  ['kimi_k2', 'one', `Ok. ${section(kimi('functions.get_weather:0', PARIS))}`, 'Ok.', paris],
  [
    'kimi_k2',
    'several',
    section(kimi('functions.get-time:0', '{}') + kimi('functions.ping:1', '{}')),
    '',
    ['get-time', '{}'],
    ping,
  ],
  ['kimi_k2', 'an unknown one', section(kimi('functions.rm:0', '{}')), section(kimi('functions.rm:0', '{}'))],

  ['gpt-oss', 'one', harmony('get_weather', PARIS), '', paris],
  ['gpt-oss', 'one without its end', harmony('get_weather', PARIS).slice(0, -8), '', paris],
  [
    'gpt-oss',
    'several',
    `<|start|>assistant${harmony('ping', '{}')}<|start|>assistant${harmony('ping', '{}')}`,
    '',
    ping,
    ping,
  ],
  [
    'gpt-oss',
    'the recipient before the channel',
    '<|start|>assistant to=functions.ping<|channel|>commentary json<|message|>{}<|call|>',
    '',
    ping,
  ],
  [
    'gpt-oss',
    'other messages, with their marks',
    `<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary<|message|>I look.<|end|><|start|>assistant${harmony('ping', '{}')}`,
    '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary<|message|>I look.<|end|>',
    ping,
  ],
  [
    'gpt-oss',
    'a message to somebody else',
    '<|channel|>commentary to=browser.open<|message|>{}<|call|>',
    '<|channel|>commentary to=browser.open<|message|>{}<|call|>',
  ],
];

const CASES = ROWS.map(([parser, what, text, left, ...wanted]) => ({ parser, what, text, left, wanted }));
it.each(CASES)('$parser: $what', ({ parser, text, left, wanted }) => {
  expect(read(parser, text)).toEqual({ text: left, calls: wanted });
});

it('kimi_k2 numbers its calls through the conversation', () => {
  const text = section(kimi('functions.ping:7', '{}') + kimi('functions.get_weather:8', PARIS));
  const ids = eventsOf('kimi_k2', [text], { callsBefore: 3 }).flatMap((event) =>
    event.type === 'call' ? [[event.index, event.id]] : [],
  );
  expect(ids).toEqual([
    [0, 'functions.ping:3'],
    [1, 'functions.get_weather:4'],
  ]);
});

it.each([
  ['one call', `[${json('parameters')}]`, '', [paris]],
  ['several', ` [\n  ${json('parameters')},\n  {"name": "ping", "parameters": {}}\n]\n`, '', [paris, ping]],
  ['what is no list', 'No.', 'No.', []],
  ['a list of something else', '[1, 2]', '[1, 2]', []],
  ['a list that breaks off', `[${json('parameters')}, {"na`, '{"na', [paris]],
])('the array of forced calls: %s', (_, text, left, wanted) => {
  const parsed = parseWhole(JSON_ARRAY_PARSER({ tools: TOOLS }), text);
  expect(parsed.text.trim()).toBe(left);
  expect(parsed.calls.map((call) => [call.name, call.arguments])).toEqual(wanted);
});
