import { readJsonCalls } from '../json/json-list';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';

/** `[{"name": …, "parameters": {…}}, …]` and nothing else: what a model is held to that has to call a tool. */
export const jsonArray: Grammar = function* (parsing) {
  const { source } = parsing;
  yield* source.spaces();
  if ((yield* source.word('[')) !== null) yield* readJsonCalls(parsing);
  yield* prose(parsing);
};
