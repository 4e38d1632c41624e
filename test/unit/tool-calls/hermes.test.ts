import { TOOL_PARSERS } from '../../../src/tool-calls/registry';
import { eventsOf, read, sequenceOf, TOOLS } from './support';

const call = (json: string) => `<tool_call>\n${json}\n</tool_call>`;
const PARIS = '{"name": "get_weather", "arguments": {"city": "Paris"}}';
const paris = ['get_weather', '{"city": "Paris"}'];
const ping = ['ping', '{}'];

it.each([
  ['one call', call(PARIS), '', [paris]],
  ['without whitespace', `<tool_call>${PARIS}</tool_call>`, '', [paris]],
  ['several', `${call(PARIS)}\n${call('{"name":"ping","arguments":{}}')}`, '', [paris, ping]],
  ['text before', `Let me see.\n\n${call(PARIS)}`, 'Let me see.', [paris]],
  ['text between and after', `a\n${call(PARIS)}\nb ${call(PARIS)} c\n`, 'a\nb c\n', [paris, paris]],
  ['no arguments', call('{"name": "ping"}'), '', [ping]],
  ['null as arguments', call('{"name": "ping", "arguments": null}'), '', [ping]],
  [
    'empty arguments before others',
    `${call('{"name":"ping","arguments":{}}')}${call(PARIS)}`,
    '',
    [ping, paris],
  ],
  ['parameters', call('{"name": "get_weather", "parameters": {"city": "Paris"}}'), '', [paris]],
  [
    'members the other way round',
    call('{"arguments": {"city": "Paris"}, "name": "get_weather"}'),
    '',
    [paris],
  ],
  [
    'members that nobody asked for',
    call('{"id": [1, {"a": 2}], "name": "ping", "arguments": {}, "x": true}'),
    '',
    [ping],
  ],
  [
    'arguments in a string',
    call('{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}'),
    '',
    [paris],
  ],
  ['a name with escapes', call('{"name": "p\\u0069ng", "arguments": {}}'), '', [ping]],
  ['the last block open', `<tool_call>\n${PARIS}`, '', [paris]],
  ['no marker', 'Just text with { and <tool.', 'Just text with { and <tool.', []],
  ['only whitespace', ' \n ', ' \n ', []],
])('reads %s', (_, text, left, calls) => {
  expect(read('hermes', text)).toEqual({ text: left, calls });
});

it.each([
  ['nested objects', '{"where": {"lat": [48.85, -2e3], "deep": {"a": [[], {}]}}, "tags": [true, null]}'],
  ['unicode and escapes', '{"city": "Zürich \\"北京\\" \\u00e9\\n\\\\ 🌧"}'],
  ['closing markers in a string', '{"city": "</tool_call> <tool_call>{"}'],
  ['numbers at the end', '{"days": 3 , "degrees": -1.5E+2}'],
])('hands on %s as they stand', (_, args) => {
  const { text, calls } = read('hermes', call(`{"name": "get_weather", "arguments": ${args}}`));
  expect({ text, calls }).toEqual({ text: '', calls: [['get_weather', args]] });
});

it.each([
  ['a marker in prose', 'Write <tool_call> and then JSON.', []],
  ['a marker in prose before a call', 'The <tool_call> tag.', [paris], ` ${call(PARIS)}`],
  ['two openers', '<tool_call>', [paris], call(PARIS)],
  ['an unknown name', call('{"name": "rm", "arguments": {"path": "/"}}'), []],
  ['an unknown name before a call', call('{"name": "rm", "arguments": {}}'), [paris], call(PARIS)],
  [
    'a call of an unknown tool that quotes one',
    call(`{"name": "rm", "arguments": {"a": ${JSON.stringify(call(PARIS))}}}`),
    [],
  ],
  ['no name', call('{"arguments": {}}'), []],
  ['a name that is no string', call('{"name": 1, "arguments": {}}'), []],
  ['arguments that are no object', call('{"name": "ping", "arguments": [1]}'), []],
  ['a string that holds no object', call('{"name": "ping", "arguments": "now"}'), []],
  ['a bare word', call('{"name": ping}'), []],
  ['a comma too many', call('{"name": "ping",}'), []],
  ['a name that does not end', '<tool_call>{"name": "pin', []],
  ['JSON that ends before the arguments', '<tool_call>{"name": "ping", "argu', []],
])('leaves %s as text', (_, text, calls, after = '') => {
  expect(read('hermes', text + after)).toEqual({ text, calls });
});

it('closes arguments that break off, and says so', () => {
  const text = '<tool_call>{"name": "get_weather", "arguments": {"city": "Par';
  expect(eventsOf('hermes', [text])).toEqual([
    { type: 'call', index: 0, id: expect.any(String), name: 'get_weather' },
    { type: 'arguments', index: 0, text: '{"city": "Par' },
    { type: 'arguments', index: 0, text: '"}', cut: true },
  ]);
});

it.each([
  ['{"city": "Paris", oops', '{"city": "Paris"}', ', oops'],
  ['{"days": 1.', '{}', '"days": 1.'],
  ['{"city": "a", "days"', '{"city": "a"}', ', "days"'],
  ['{"tags": [[1, tru', '{"tags": [[1]]}', ', tru'],
  ['{"city": "\\u00', '{"city": ""}', '\\u00'],
])('keeps the text after the break: %s', (broken, args, text) => {
  const { calls, text: left } = read('hermes', `<tool_call>{"name": "get_weather", "arguments": ${broken}`);
  expect(calls).toEqual([['get_weather', args]]);
  expect(left.trim()).toBe(text);
});

it('keeps a call whose arguments were complete before the text became something else', () => {
  expect(read('hermes', `<tool_call>${PARIS} and so on</tool_call>`)).toEqual({
    text: ' and so on</tool_call>',
    calls: [paris],
  });
  expect(read('hermes', '<tool_call>{"name": "ping", "arguments": {} :-)')).toEqual({
    text: ' :-)',
    calls: [ping],
  });
});

it('mends raw line ends and backslashes that escape nothing', () => {
  const { calls } = read(
    'hermes',
    call('{"name": "get_weather", "arguments": {"city": "a\nb\tC:\\dir \\d+ \\u12"}}'),
  );
  expect(JSON.parse(calls[0]?.[1] ?? '')).toEqual({ city: 'a\nb\tC:\\dir \\d+ \\u12' });
});

it('gives up on brackets in brackets without end', () => {
  const deep = `<tool_call>{"name": "ping", "arguments": {"a": ${'['.repeat(100)}`;
  const { calls } = read('hermes', deep);
  expect(JSON.parse(calls[0]?.[1] ?? '')).toHaveProperty('a');
  expect(calls[0]?.[1]).toHaveLength('{"a": }'.length + 2 * 63);
});

it('streams: text at once, the name when the arguments begin, arguments as they come', () => {
  const parser = TOOL_PARSERS.hermes({ tools: TOOLS });
  const made = (text: string) => sequenceOf(parser.push(text));
  expect(made('Hi')).toEqual(['text: Hi']);
  expect(made(' there <tool')).toEqual(['text:  there']);
  expect(made('_call>{"name": "get_weather", "arg')).toEqual([]);
  expect(made('uments": ')).toEqual([]);
  expect(made('{"ci')).toEqual(['call: get_weather', 'arguments: {']);
  expect(made('ty": "Par')).toEqual(['arguments: "city": "Par']);
  expect(made('is"}}</tool_c')).toEqual(['arguments: is"}']);
  expect(made('all> ')).toEqual([]);
  expect(sequenceOf(parser.finish())).toEqual([]);
});

it('numbers calls from 0 and gives each an id of its own', () => {
  const events = eventsOf('qwen', [`${call(PARIS)}\n${call(PARIS)}`]);
  const calls = events.filter((event) => event.type === 'call');
  expect(calls.map(({ index }) => index)).toEqual([0, 1]);
  for (const { id } of calls) expect(id).toMatch(/^call_[0-9a-f]{24}$/);
  expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
});

it('lets names through that no tool has when it is told to', () => {
  const text = call('{"name": "rm", "arguments": {"path": "/"}}');
  expect(read('qwen', text, { forwardUnknown: true })).toEqual({
    text: '',
    calls: [['rm', '{"path": "/"}']],
  });
});
