import { ArgumentList } from '../argument-list';
import { readJsonArguments } from '../json/json-call';
import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Step } from '../text/source';
import type { Grammar, Outcome, Parsing } from '../tool-parser';
import { readParameters, type ParameterForm } from './parameters';

/** How a format writes `<invoke name="f">…</invoke>` and what stands around all of them. */
export interface InvocationForm {
  readonly begin: string;
  /** Up to the name. */
  readonly invoke: string;
  readonly parameters: ParameterForm;
  readonly end: string;
}

/** Calls one after the other between a mark and its end; both may be missing. */
export function invocations(form: InvocationForm): Grammar {
  return function* (parsing) {
    const { source } = parsing;
    for (;;) {
      const mark = yield* prose(parsing, form.begin, form.invoke);
      if (mark === null) return;
      yield* source.spaces();
      if (mark === form.begin && (yield* source.word(form.invoke)) === null) continue;
      yield* closing(source, yield* readInvocation(parsing, form.parameters), form.end);
    }
  };
}

/**
 * Reads a call from its name on: `f"`, then its parameters, or its arguments as a JSON object, up to its end; or nothing, where it
 * ends with `/>`.
 */
export function* readInvocation(parsing: Parsing, form: ParameterForm): Step<Outcome> {
  const { source, writer } = parsing;
  const name = yield* source.while(/[^\s"<>]/);
  const end = yield* source.word('">', '"/>', '" />');
  if (end === null) return 'broken';
  if (end !== '">') {
    if (!writer.knows(name)) return 'unknown';
    new ArgumentList(writer, name).end();
    source.drop();
    return 'call';
  }
  yield* source.spaces();
  if ((yield* source.peek()) !== '{') return yield* readParameters(parsing, name, form);
  const outcome = yield* readJsonArguments(parsing, name);
  for (const word of form.callEnds) yield* closing(source, outcome, word);
  return outcome;
}
