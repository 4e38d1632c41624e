import { readJsonArguments } from '../json/json-call';
import { readJsonCalls } from '../json/json-list';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';

/**
 * `[TOOL_CALLS] [{"name": …, "arguments": {…}}, …]`, whose last bracket may be missing, or `[TOOL_CALLS]name[ARGS]{…}` for
 * each call, with `[CALL_ID]id` after the name or without.
 */
export const mistral: Grammar = function* (parsing) {
  const { source } = parsing;
  while ((yield* prose(parsing, '[TOOL_CALLS]')) !== null) {
    yield* source.spaces();
    if ((yield* source.peek()) === '[') {
      source.advance(1);
      yield* readJsonCalls(parsing);
      continue;
    }
    const name = yield* source.while(/[\w.-]/);
    if ((yield* source.word('[CALL_ID]')) !== null) yield* source.while(/[\w-]/);
    if ((yield* source.word('[ARGS]')) !== null) yield* readJsonArguments(parsing, name);
  }
};
