import { ArgumentList } from '../argument-list';
import { readCallList } from '../call-list';
import type { Step } from '../text/source';
import type { Outcome, Parsing } from '../tool-parser';
import { readPythonLiteral } from './python-literal';

/** Names with dots and hyphens are not Python's, but tools have them. */
const NAME_CHARACTER = /[\w.-]/;

/** Reads `f(a=1, b="x"), g()]` after a bracket, as `readCallList` does. */
export function readPythonCalls(parsing: Parsing): Step<Outcome> {
  return readCallList(parsing, readPythonCall);
}

/**
 * A call is certain with its first argument, and the comma or bracket after it, or with its end; arguments are handed on one by
 * one. Where it breaks off, they are closed, and what follows the last one is text.
 */
function* readPythonCall({ source, writer }: Parsing): Step<Outcome> {
  const name = yield* source.while(NAME_CHARACTER);
  if (name === '' || (yield* source.word('(')) === null) return 'broken';
  const args = writer.knows(name) ? new ArgumentList(writer, name) : null;
  yield* source.spaces();
  let next = yield* source.word(')');
  while (next !== ')') {
    const key = yield* source.while(/\w/);
    yield* source.spaces();
    const isNamed = key !== '' && (yield* source.word('=')) !== null;
    yield* source.spaces();
    const value = isNamed ? yield* readPythonLiteral(source) : null;
    yield* source.spaces();
    next = value === null ? null : yield* source.word(',', ')');
    if (value === null || next === null) {
      args?.cut();
      return 'broken';
    }
    if (args !== null) {
      args.add(key, value);
      source.drop();
    }
    yield* source.spaces();
    if (next === ',') next = yield* source.word(')');
  }
  if (args === null) return 'unknown';
  args.end();
  source.drop();
  return 'call';
}
