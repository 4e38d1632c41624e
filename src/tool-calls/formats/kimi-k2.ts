import { readJsonArguments } from '../json/json-call';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { CallIds, Grammar } from '../tool-parser';

const SECTION_BEGIN = '<|tool_calls_section_begin|>';
const CALL_BEGIN = '<|tool_call_begin|>';

/** `<|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>{…}<|tool_call_end|>`, a section around all of them. */
export const kimiK2: Grammar = function* (parsing) {
  const { source } = parsing;
  for (;;) {
    const mark = yield* prose(parsing, SECTION_BEGIN, CALL_BEGIN);
    if (mark === null) return;
    yield* source.spaces();
    if (mark === SECTION_BEGIN && (yield* source.word(CALL_BEGIN)) === null) continue;
    yield* source.spaces();
    const id = yield* source.while(/[\w.:-]/);
    const name = id.replace(/^functions\./, '').replace(/:\d*$/, '');
    yield* source.spaces();
    if ((yield* source.word('<|tool_call_argument_begin|>')) === null) continue;
    const outcome = yield* readJsonArguments(parsing, name);
    yield* closing(source, outcome, '<|tool_call_end|>', '<|tool_calls_section_end|>');
  }
};

/** The model was taught to number its calls through the whole conversation. */
export const kimiIds: CallIds = (name, position) => `functions.${name}:${position}`;
