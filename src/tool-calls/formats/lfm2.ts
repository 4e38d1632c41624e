import { readJsonCalls } from '../json/json-list';
import { readPythonCalls } from '../python/python-calls';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';

/** `<|tool_call_start|>[f(a=1)]<|tool_call_end|>`, or a list of JSON objects in there. */
export const lfm2: Grammar = function* (parsing) {
  const { source } = parsing;
  while ((yield* prose(parsing, '<|tool_call_start|>')) !== null) {
    yield* source.spaces();
    if ((yield* source.word('[')) === null) continue;
    yield* source.spaces();
    const isJson = (yield* source.peek()) === '{';
    const outcome = yield* isJson ? readJsonCalls(parsing) : readPythonCalls(parsing);
    yield* closing(source, outcome, '<|tool_call_end|>');
  }
};
