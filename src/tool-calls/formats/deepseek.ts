import { readJsonArguments } from '../json/json-call';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Step } from '../text/source';
import type { Grammar, Outcome, Parsing } from '../tool-parser';

const CALLS_BEGIN = '<｜tool▁calls▁begin｜>';
const CALLS_END = '<｜tool▁calls▁end｜>';
const CALL_BEGIN = '<｜tool▁call▁begin｜>';
const CALL_END = '<｜tool▁call▁end｜>';
const SEPARATOR = '<｜tool▁sep｜>';
const FENCE = '```';

/** Marks around all calls and around each of them; `readCall` is what differs. */
function deepseek(readCall: (parsing: Parsing) => Step<Outcome>): Grammar {
  return function* (parsing) {
    const { source } = parsing;
    for (;;) {
      const mark = yield* prose(parsing, CALLS_BEGIN, CALL_BEGIN);
      if (mark === null) return;
      yield* source.spaces();
      if (mark === CALLS_BEGIN && (yield* source.word(CALL_BEGIN)) === null) continue;
      yield* closing(source, yield* readCall(parsing), FENCE, CALL_END, CALLS_END);
    }
  };
}

/** `function<｜tool▁sep｜>NAME` and the arguments in a fence of Markdown. */
export const deepseekV3: Grammar = deepseek(function* (parsing) {
  const { source } = parsing;
  yield* source.while(/\w/);
  if ((yield* source.word(SEPARATOR)) === null) return 'broken';
  const name = yield* source.while(/[\w.-]/);
  yield* source.spaces();
  if ((yield* source.word(FENCE)) !== null) yield* source.word('json');
  return yield* readJsonArguments(parsing, name);
});

/** `NAME<｜tool▁sep｜>` and the arguments. */
export const deepseekV31: Grammar = deepseek(function* (parsing) {
  const { source } = parsing;
  const name = yield* source.while(/[\w.-]/);
  if ((yield* source.word(SEPARATOR)) === null) return 'broken';
  return yield* readJsonArguments(parsing, name);
});
