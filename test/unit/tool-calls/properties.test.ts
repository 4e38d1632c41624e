import fc from 'fast-check';
import { TOOL_PARSER_NAMES } from '../../../src/tool-calls/registry';
import { RENDERERS, type Call } from './renderers';
import { eventsOf, sequenceOf, shown } from './support';

/** Names that stand for a grammar of their own. */
const PARSERS = TOOL_PARSER_NAMES.filter((name) => !['qwen', 'qwen25', 'glm', 'step3p5'].includes(name));

/** Pieces of all forms, so that garbage has much in it that could be a call. */
const FRAGMENTS = [
  ...['<tool_call>', '</tool_call>', '<function=ping>', '<function=rm>', '</function>', '<parameter=a>'],
  ...['</parameter>', '<arg_key>', '</arg_key>', '<arg_value>', '</arg_value>', '[TOOL_CALLS]', '[ARGS]'],
  ...['<|python_tag|>', '<|python_start|>', '<|python_end|>', '<|tool_call_start|>', '<|tool_call_end|>'],
  ...['<｜tool▁calls▁begin｜>', '<｜tool▁call▁begin｜>', '<｜tool▁sep｜>', '<｜tool▁call▁end｜>', '```json'],
  ...[
    '<|tool_calls_section_begin|>',
    '<|tool_call_begin|>',
    'functions.ping:0',
    '<|tool_call_argument_begin|>',
  ],
  ...[
    '<minimax:tool_call>',
    '<invoke name="ping">',
    '<parameter name="a">',
    '</invoke>',
    '</minimax:tool_call>',
  ],
  ...[
    '<｜tool_calls_begin｜>',
    '<｜tool_call_begin｜>',
    'function<｜tool_sep｜>',
    '<steptml:invoke name="ping"',
  ],
  ...['<steptml:parameter name="a">', '</steptml:parameter>', '</steptml:invoke>', '<｜tool_call_end｜>'],
  ...[
    '<｜DSML｜function_calls>',
    '<｜DSML｜invoke name="ping"',
    '<｜DSML｜parameter name="a" string="false">',
  ],
  ...['</｜DSML｜parameter>', '</｜DSML｜invoke>', '</｜DSML｜function_calls>', '/>', '">'],
  ...['<|action_start|>', '<|plugin|>', '<|action_end|>', 'function call', '<|role_sep|>', '<|message_sep|>'],
  ...['<|start|>assistant', '<|channel|>', 'commentary', ' to=functions.ping', '<|message|>', '<|call|>'],
  ...[
    '{"name": "ping", "arguments": ',
    '{"name": "rm", "parameters": ',
    '{"name":',
    'ping',
    'ping(',
    '[ping(',
  ],
  ...['{', '}', '[', ']', '(', ')', ',', ':', ';', '=', '"', "'", '\\', '\\u00', '1', '-', 'true', 'None'],
  ...[' ', '\n', '  \n', 'text', '北', '🌧', '<', '<|', 'a="b"', '{"a": 1}', '{}'],
];
const garbage = fc
  .array(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...FRAGMENTS) }, fc.string({ maxLength: 4 })), {
    maxLength: 25,
  })
  .map((parts) => parts.join(''));

const plain = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('"', '\\', '<', '\n', "'", 'é', '🌧', ']', '}'),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
    maxLength: 12,
  })
  .filter((text) => text.trim().toLowerCase() !== 'null');
const value = fc.jsonValue({ maxDepth: 2 }).filter((item) => !JSON.stringify(item).includes('-0'));
const args = fc.record(
  {
    city: plain,
    days: fc.integer(),
    degrees: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
    hourly: fc.boolean(),
    where: fc.dictionary(fc.string({ maxLength: 3 }), value, { maxKeys: 3 }),
    tags: fc.array(value, { maxLength: 3 }),
  },
  { requiredKeys: [] },
);
const calls: fc.Arbitrary<Call[]> = fc.array(
  fc.oneof(
    fc.record({ name: fc.constant('get_weather'), args }),
    fc.record({ name: fc.constant('ping'), args: fc.constant({}) }),
  ),
  { minLength: 1, maxLength: 3 },
);
/** Text that no form takes for the beginning of anything. */
const prose = fc.string({ unit: fc.constantFrom(...'ab .,\n<|北'), maxLength: 10 });

const cutUp = (text: string, cuts: readonly number[]) => {
  const at = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  return [...at, text.length].map((end, index) => text.slice(index === 0 ? 0 : at[index - 1], end));
};
const cuts = fc.array(fc.nat(), { minLength: 8, maxLength: 24 });

describe.each(PARSERS)('%s', (parser) => {
  const render = RENDERERS[parser];

  it('reads what its models write, with text around it', () => {
    fc.assert(
      fc.property(prose, calls, prose, cuts, (before, wanted, after, at) => {
        const text = before + render(wanted) + after;
        const found = shown(eventsOf(parser, cutUp(text, at)));
        expect(found.calls.map(([name, json]) => ({ name, args: JSON.parse(json) as unknown }))).toEqual(
          wanted.map((call) => JSON.parse(JSON.stringify(call)) as unknown),
        );
        expect(found.text.replace(/\s/g, '')).toBe((before + after).replace(/\s/g, ''));
      }),
      { numRuns: 200 },
    );
  });

  it('does not depend on how the text was cut', () => {
    const texts = fc.oneof(
      garbage,
      fc.tuple(garbage, calls, garbage).map(([before, wanted, after]) => before + render(wanted) + after),
    );
    fc.assert(
      fc.property(texts, cuts, (text, at) => {
        const events = eventsOf(parser, cutUp(text, at));
        expect(sequenceOf(events)).toEqual(sequenceOf(eventsOf(parser, [text])));
        const found = shown(events);
        for (const [, json] of found.calls) expect(JSON.parse(json)).toBeInstanceOf(Object);
        const indices = events.flatMap((event) => (event.type === 'call' ? [event.index] : []));
        expect(indices).toEqual(indices.map((_, index) => index));
      }),
      { numRuns: 700 },
    );
  });

  it('loses nothing where nothing can be called', () => {
    const texts = fc.oneof(
      garbage,
      fc.tuple(garbage, calls.map(render)).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, cuts, (text, at) => {
        expect(sequenceOf(eventsOf(parser, cutUp(text, at), { tools: [] }))).toEqual(
          text === '' ? [] : [`text: ${text}`],
        );
      }),
      { numRuns: 200 },
    );
  });
});
