import { readJsonCall } from '../json/json-call';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';

/** `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, one block for each call. The last may lack its end. */
export const hermes: Grammar = function* (parsing) {
  const { source } = parsing;
  while ((yield* prose(parsing, '<tool_call>')) !== null) {
    yield* source.spaces();
    yield* closing(source, yield* readJsonCall(parsing), '</tool_call>');
  }
};
