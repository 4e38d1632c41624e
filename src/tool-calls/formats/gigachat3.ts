import { readJsonCall } from '../json/json-call';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';

/** Ends what is said before a call. */
const MESSAGE_END = '<|message_sep|>';
const CALL_BEGINS = ['function call<|role_sep|>', '<|function_call|>'];

/** `function call<|role_sep|>` or `<|function_call|>`, and `{"name": …, "arguments": {…}}`. */
export const gigachat3: Grammar = function* (parsing) {
  const { source } = parsing;
  for (;;) {
    const mark = yield* prose(parsing, MESSAGE_END, ...CALL_BEGINS);
    if (mark === null) return;
    yield* source.spaces();
    if (mark === MESSAGE_END && (yield* source.word(...CALL_BEGINS)) === null) continue;
    yield* source.spaces();
    yield* closing(source, yield* readJsonCall(parsing), MESSAGE_END);
  }
};
