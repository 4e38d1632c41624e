import type { Outcome, Parsing } from '../tool-parser';
import type { Step } from '../text/source';
import { readJsonCall } from './json-call';

/**
 * Reads `{"name": …}, …]` after a bracket and writes the calls; members that no tool answers to are text.
 * @returns `call` for a complete list with a call in it
 */
export function* readJsonCalls(parsing: Parsing): Step<Outcome> {
  const { source, writer } = parsing;
  let whole: Outcome = 'unknown';
  for (;;) {
    yield* source.spaces();
    const outcome = yield* readJsonCall(parsing);
    if (outcome === 'broken') return 'broken';
    yield* source.spaces();
    const next = yield* source.word(',', ']');
    if (next === null) return 'broken';
    if (outcome === 'call') {
      whole = 'call';
      source.drop();
    } else writer.text(source.take());
    if (next === ']') return whole;
  }
}
