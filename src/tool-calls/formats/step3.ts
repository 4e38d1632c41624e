import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';
import { readInvocation } from '../xml/invocations';
import type { ParameterForm } from '../xml/parameters';

const CALLS_BEGIN = '<｜tool_calls_begin｜>';
const CALL_BEGIN = '<｜tool_call_begin｜>';
const INVOKE = '<steptml:invoke name="';

const FORM: ParameterForm = {
  keyStart: '<steptml:parameter name="',
  keyEnd: '">',
  valueStart: '',
  valueEnd: '</steptml:parameter>',
  callEnds: ['</steptml:invoke>'],
  value: (text) => text,
};

/**
 * `<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="f"><steptml:parameter name="k">v</steptml:parameter>
 * </steptml:invoke><｜tool_call_end｜>`, with marks around all calls.
 */
export const step3: Grammar = function* (parsing) {
  const { source } = parsing;
  for (;;) {
    const mark = yield* prose(parsing, CALLS_BEGIN, CALL_BEGIN);
    if (mark === null) return;
    yield* source.spaces();
    if (mark === CALLS_BEGIN && (yield* source.word(CALL_BEGIN)) === null) continue;
    yield* source.word('function');
    if ((yield* source.word('<｜tool_sep｜>')) === null) continue;
    yield* source.spaces();
    if ((yield* source.word(INVOKE)) === null) continue;
    const outcome = yield* readInvocation(parsing, FORM);
    yield* closing(source, outcome, '<｜tool_call_end｜>', '<｜tool_calls_end｜>');
  }
};
