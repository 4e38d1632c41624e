import type { Source, Step } from '../text/source';
import { readPythonLiteral } from './python-literal';

/**
 * Reads a dictionary of Python after its first bracket, with texts as keys.
 * @returns its values as JSON texts; null where it is none
 */
export function* readPythonDict(source: Source): Step<ReadonlyMap<string, string> | null> {
  const members = new Map<string, string>();
  for (;;) {
    yield* source.spaces();
    const key = yield* readPythonLiteral(source);
    yield* source.spaces();
    if (key?.startsWith('"') !== true || (yield* source.word(':')) === null) return null;
    yield* source.spaces();
    const value = yield* readPythonLiteral(source);
    if (value === null) return null;
    members.set(JSON.parse(key) as string, value);
    yield* source.spaces();
    const next = yield* source.word(',', '}');
    if (next === null) return null;
    if (next === '}') return members;
  }
}
