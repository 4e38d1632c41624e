import { readJsonCall } from '../json/json-call';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';

const CALL_BEGIN = '<tool_call>';

/** Calls as `hermes` has them, between thoughts and within them: the marks of thoughts are no text. */
export const trinity: Grammar = function* (parsing) {
  const { source } = parsing;
  for (;;) {
    const mark = yield* prose(parsing, CALL_BEGIN, '<think>', '</think>');
    if (mark === null) return;
    if (mark !== CALL_BEGIN) {
      source.untake(source.take().slice(0, -mark.length));
      continue;
    }
    yield* source.spaces();
    yield* closing(source, yield* readJsonCall(parsing), '</tool_call>');
  }
};
