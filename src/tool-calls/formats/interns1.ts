import { readJsonCall } from '../json/json-call';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';

/** `<|action_start|> <|plugin|>` and `{"name": …, "parameters": {…}}<|action_end|>`, for each call. */
export const internS1: Grammar = function* (parsing) {
  const { source } = parsing;
  while ((yield* prose(parsing, '<|action_start|>')) !== null) {
    yield* source.spaces();
    if ((yield* source.word('<|plugin|>')) === null) continue;
    yield* source.spaces();
    yield* closing(source, yield* readJsonCall(parsing), '<|action_end|>');
  }
};
