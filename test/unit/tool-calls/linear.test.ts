import { TOOL_PARSERS, TOOL_PARSER_NAMES } from '../../../src/tool-calls/registry';
import { sequenceOf, TOOLS } from './support';

/** Texts that open calls without end. */
const EVIL: readonly string[] = [
  '<tool_call>',
  '<tool_call>{"name": "ping", ',
  '<tool_call><function=ping><parameter=a>',
  '<tool_call>ping<arg_key>a</arg_key><arg_value>',
  '[TOOL_CALLS][{"name": "rm", "arguments": {"a": "',
  '[',
  '[ping(',
  '[ping(a="',
  '<|tool_call_start|>[{',
  '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>ping<｜tool▁sep｜>{',
  '<|tool_calls_section_begin|><|tool_call_begin|>functions.rm:0<|tool_call_argument_begin|>{"a": [',
  '<|start|>assistant<|channel|>commentary to=functions.ping<|message|>{"a":{"b":',
  '<minimax:tool_call><invoke name="ping"><parameter name="a">',
  '<invoke name="ping">{"a": ',
  '<｜DSML｜invoke name="ping"><｜DSML｜parameter name="',
  '<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="rm">',
  '<|action_start|><|plugin|>{"name": "rm", ',
  '<|message_sep|>function call',
  '<|python_tag|>{"arguments": [[',
  '<',
  ' \n',
];

/** Milliseconds of the processor for `count` openers in pieces of some characters, the best of two runs. */
function timeOf(parser: keyof typeof TOOL_PARSERS, opener: string, count: number): number {
  const piece = opener.repeat(50);
  const run = () => {
    const start = process.cpuUsage();
    const made = TOOL_PARSERS[parser]({ tools: TOOLS });
    for (let at = 0; at < count / 50; at++) made.push(piece);
    made.finish();
    return process.cpuUsage(start).user / 1000;
  };
  return Math.min(run(), run());
}

describe.each(
  TOOL_PARSER_NAMES.filter((name) => !['qwen', 'qwen25', 'glm', 'glm47', 'mimo', 'step3p5'].includes(name)),
)('%s', (parser) => {
  it.each(EVIL)('takes time in proportion to the text: %j', (opener) => {
    const [some, more] = [timeOf(parser, opener, 1_000), timeOf(parser, opener, 8_000)];
    // Eight times as much text; 64 times the time would be quadratic.
    expect(more).toBeLessThan(24 * some + 200);
  });

  it('goes through 200,000 openers', () => {
    const made = TOOL_PARSERS[parser]({ tools: TOOLS });
    const text = '<tool_call>[TOOL_CALLS]['.repeat(200_000 / 3);
    const events = [...made.push(text), ...made.finish()];
    expect(events.every((event) => event.type === 'text')).toBe(true);
    expect(sequenceOf(events).join('') === `text: ${text}`).toBe(true);
  });
});
