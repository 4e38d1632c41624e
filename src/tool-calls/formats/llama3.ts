import { readJsonCall } from '../json/json-call';
import type { Step } from '../text/source';
import { prose } from '../text/prose';
import type { Grammar, Parsing } from '../tool-parser';

/**
 * `{"name": …, "parameters": {…}}`, several with `;` between them: at the start of the text, or after `<|python_tag|>`.
 */
export const llama3: Grammar = function* (parsing) {
  const { source } = parsing;
  yield* source.spaces();
  if ((yield* source.peek()) === '{') yield* readObjects(parsing);
  while ((yield* prose(parsing, '<|python_tag|>')) !== null) {
    yield* source.spaces();
    yield* readObjects(parsing);
  }
};

function* readObjects(parsing: Parsing): Step<void> {
  const { source, writer } = parsing;
  for (;;) {
    const outcome = yield* readJsonCall(parsing);
    if (outcome === 'broken') return;
    yield* source.spaces();
    const isFollowed = (yield* source.word(';')) !== null;
    if (outcome === 'unknown') writer.text(source.take());
    else if (isFollowed) source.drop();
    yield* source.spaces();
    if ((yield* source.peek()) !== '{') return;
  }
}
