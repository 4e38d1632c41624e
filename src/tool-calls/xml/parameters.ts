import { ArgumentList } from '../argument-list';
import type { Step } from '../text/source';
import type { Outcome, Parsing } from '../tool-parser';
import { argumentSchema, type ArgumentSchema } from './argument-schema';
import { typedArgument } from './typed-argument';

/** How a format writes a parameter, and what ends the call. */
export interface ParameterForm {
  readonly keyStart: string;
  readonly keyEnd: string;
  /** Between the key and the value; whitespace may stand before it. */
  readonly valueStart: string;
  readonly valueEnd: string;
  readonly callEnds: readonly string[];
  /** What of the text between the marks is the value. */
  readonly value: (text: string) => string;
  /** The key in what stands between the marks of the key; all of it by default. */
  readonly key?: (head: string) => string;
  /**
   * A value as JSON; what the schema says it is by default.
   * @param head what stands between the marks of the key
   */
  readonly json?: (head: string, text: string, schema: ArgumentSchema) => string;
}

/**
 * Reads the parameters of a call whose name came before them, up to the end of the call, and writes the call. It is certain with
 * its first parameter or its end; arguments are handed on one by one. A value that lacks its end lasts until the next
 * parameter or the end of the call. Where the text breaks off, the arguments are closed, and what follows the last one is text.
 */
export function* readParameters(
  { source, writer }: Parsing,
  name: string,
  form: ParameterForm,
): Step<Outcome> {
  const args = writer.knows(name) ? new ArgumentList(writer, name) : null;
  const schema = writer.schemaOf(name);
  // Read before the parameter, and text if the call breaks off in it; not what stands before a call that is written.
  let before = '';
  for (;;) {
    yield* source.spaces();
    before = source.take();
    const mark = yield* source.word(form.keyStart, ...form.callEnds);
    if (mark === null) break;
    if (mark !== form.keyStart) {
      if (args === null) break;
      args.end();
      source.drop();
      return 'call';
    }
    const head = yield* source.before(form.keyEnd, '\n');
    if (head === null || (yield* source.word(form.keyEnd)) === null) break;
    if (form.valueStart !== '') yield* source.spaces();
    if ((yield* source.word(form.valueStart)) === null) break;
    if (args !== null && !args.isWritten) {
      args.begin();
      before = '';
    }
    const text = yield* source.before(form.valueEnd, form.keyStart, ...form.callEnds);
    if (text === null) break;
    yield* source.word(form.valueEnd);
    if (args === null) {
      source.untake(before);
      continue;
    }
    const key = (form.key?.(head) ?? head).trim();
    const argument = argumentSchema(schema, key);
    args.add(key, form.json?.(head, text, argument) ?? typedArgument(form.value(text), argument));
    source.drop();
  }
  args?.cut();
  source.untake(before);
  return 'broken';
}
