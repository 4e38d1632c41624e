import { TOOL_PARSERS, type ToolParserName } from '../../../src/tool-calls/registry';
import type { ParserEvent, Tool, ToolParserOptions } from '../../../src/tool-calls/tool-parser';
import { foldEvents } from '../../../src/tool-calls/whole-text';

const parameters = {
  type: 'object',
  properties: {
    city: { type: 'string' },
    days: { type: 'integer' },
    degrees: { type: 'number' },
    hourly: { type: 'boolean' },
    where: { type: 'object' },
    tags: { type: 'array' },
  },
};

/** What the texts of the tests may call. */
export const TOOLS: readonly Tool[] = [
  { name: 'get_weather', parameters },
  { name: 'get-time', parameters: null },
  { name: 'ping', parameters: { type: 'object', properties: {} } },
];

/** All events of a text that arrives in the given pieces. */
export function eventsOf(
  parser: ToolParserName,
  pieces: readonly string[],
  options: Partial<ToolParserOptions> = {},
): ParserEvent[] {
  const made = TOOL_PARSERS[parser]({ tools: TOOLS, ...options });
  return [...pieces.flatMap((piece) => made.push(piece)), ...made.finish()];
}

/** A text's calls, and what is left of it, after a check that single characters come to the same. */
export function read(
  parser: ToolParserName,
  text: string,
  options: Partial<ToolParserOptions> = {},
): { text: string; calls: (readonly [name: string, args: string])[] } {
  const whole = shown(eventsOf(parser, [text], options));
  expect(shown(eventsOf(parser, [...text], options))).toEqual(whole);
  return whole;
}

/** Events joined: arguments as they were written. */
export function shown(events: readonly ParserEvent[]): ReturnType<typeof read> {
  const { text, calls } = foldEvents(events);
  return { text, calls: calls.map((call) => [call.name, call.arguments] as const) };
}

/** Text, calls in order with it: what a client sees, whatever the pieces were. */
export function sequenceOf(events: readonly ParserEvent[]): string[] {
  const sequence: string[] = [];
  let last = '';
  for (const event of events) {
    const piece = event.type === 'call' ? event.name : event.text;
    if (event.type === 'call' || event.type !== last) sequence.push(`${event.type}: ${piece}`);
    else sequence[sequence.length - 1] += piece;
    last = event.type;
  }
  return sequence;
}
