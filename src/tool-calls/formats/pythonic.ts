import { readPythonCalls } from '../python/python-calls';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';

const START = '<|python_start|>';

/** `[f(a=1, b="x"), g()]` anywhere in the text, with `<|python_start|>` and `<|python_end|>` around it or without. */
export const pythonic: Grammar = function* (parsing) {
  const { source } = parsing;
  for (;;) {
    const mark = yield* prose(parsing, START, '[');
    if (mark === null) return;
    yield* source.spaces();
    if (mark === START && (yield* source.word('[')) === null) continue;
    yield* closing(source, yield* readPythonCalls(parsing), '<|python_end|>');
  }
};
