import type { Step } from './text/source';
import type { Outcome, Parsing } from './tool-parser';

/**
 * Reads `call, call]` after a bracket and writes the calls; members that no tool answers to are text.
 * @param readCall reads one member
 * @returns `call` for a complete list with a call in it
 */
export function* readCallList(
  parsing: Parsing,
  readCall: (parsing: Parsing) => Step<Outcome>,
): Step<Outcome> {
  const { source, writer } = parsing;
  let whole: Outcome = 'unknown';
  for (;;) {
    yield* source.spaces();
    const outcome = yield* readCall(parsing);
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
