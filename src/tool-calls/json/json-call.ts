import type { Outcome, Parsing } from '../tool-parser';
import { readPythonDict } from '../python/python-dict';
import type { Source, Step } from '../text/source';
import { argumentsOf, readJson, readJsonString, scanJson } from './json-value';

/** What the members of a call are called; models trained on one name write the other. */
const ARGUMENTS = ['arguments', 'parameters'];

/**
 * Reads `{"name": …, "arguments": {…}}` and writes the call. Members may come in any order and others are passed over; without
 * arguments they are `{}`. A call is certain, and written, where its arguments begin after a known name, else with its last
 * bracket: nothing that comes later takes it back.
 */
export function* readJsonCall({ source, writer }: Parsing): Step<Outcome> {
  let name: string | null = null;
  let early: string | null = null;
  let isWritten = false;
  const broken = () => (isWritten ? 'call' : 'broken');
  if ((yield* source.word('{')) === null) return 'broken';
  for (let isFirst = true; ; isFirst = false) {
    yield* source.spaces();
    if (isFirst && (yield* source.word('}')) !== null) break;
    if (isFirst && (yield* source.peek()) === "'") return yield* readPythonQuoted({ source, writer });
    const key = yield* readJsonString(source);
    yield* source.spaces();
    if (key === null || (yield* source.word(':')) === null) return broken();
    yield* source.spaces();
    if (key === 'name' && name === null) {
      name = yield* readJsonString(source);
      if (name === null) return 'broken';
    } else if (ARGUMENTS.includes(key) && early === null && !isWritten) {
      if (name !== null && writer.knows(name) && (yield* source.peek()) === '{') {
        isWritten = true;
        if (!(yield* writeJsonCall({ source, writer }, name))) return 'call';
      } else {
        early = yield* readJson(source);
        if (early === null) return 'broken';
      }
    } else if ((yield* readJson(source)) === null) return broken();
    yield* source.spaces();
    const next = yield* source.word(',', '}');
    if (next === null) return broken();
    if (next === '}') break;
  }
  return isWritten ? accounted(source) : writeWhole({ source, writer }, name, early ?? 'null');
}

/** The same as a dictionary of Python's, which small models write now and then; written when it is complete. */
function* readPythonQuoted(parsing: Parsing): Step<Outcome> {
  const members = yield* readPythonDict(parsing.source);
  if (members === null) return 'broken';
  const name: unknown = JSON.parse(members.get('name') ?? 'null');
  const args = ARGUMENTS.map((key) => members.get(key)).find((value) => value !== undefined);
  return writeWhole(parsing, typeof name === 'string' ? name : null, args ?? 'null');
}

/** Writes a call that was read to its end. @param args JSON text of what stood for arguments */
function writeWhole({ source, writer }: Parsing, name: string | null, args: string): Outcome {
  const text = argumentsOf(args);
  if (name === null || text === null) return 'broken';
  if (!writer.knows(name)) return 'unknown';
  writer.call(name);
  writer.arguments(text);
  return accounted(source);
}

function accounted(source: Source): Outcome {
  source.drop();
  return 'call';
}

/**
 * Writes a call whose arguments are the JSON object that comes next, while it comes. Where it breaks off, they are closed and
 * what follows the break is text.
 * @returns whether it was complete
 */
function* writeJsonCall({ source, writer }: Parsing, name: string): Step<boolean> {
  writer.call(name);
  const scanner = yield* scanJson(source, (text) => writer.arguments(text));
  source.drop();
  if (scanner.state === 'done') return true;
  writer.cut(scanner.closing);
  source.untake(scanner.pending);
  return false;
}

/** Reads the arguments, a JSON object, of a call whose name came before them, and writes the call. */
export function* readJsonArguments(parsing: Parsing, name: string): Step<Outcome> {
  const { source, writer } = parsing;
  yield* source.spaces();
  if (name === '' || (yield* source.peek()) !== '{') return 'broken';
  if (writer.knows(name)) {
    yield* writeJsonCall(parsing, name);
    return 'call';
  }
  return (yield* readJson(source)) === null ? 'broken' : 'unknown';
}
