import type { ChatTool } from '../../chat-template';
import { readSchema } from '../../constrained/schema/read-schema';
import type { ReportUnenforced } from '../../constrained/schema/report';
import { env } from '../../core/env';
import { RequestError } from '../../core/errors';
import {
  forcedCalls,
  jsonOf,
  possibleCalls,
  type CallForm,
  type TagFormat,
} from '../../tool-calls/call-forms/call-form';
import type { RequestedGrammar } from '../request-fields/grammar-fields';

type Schema = Readonly<Record<string, unknown>>;

const NO_PARAMETERS: Schema = { type: 'object', properties: {} };

/** What holds an answer to calls of tools. */
export interface CallGrammar extends RequestedGrammar {
  /** Whether calls come as SGLang's JSON list (`JSON_ARRAY_PARSER`); else as the model writes them. */
  readonly isList: boolean;
  /** Whether nothing but calls may be written. */
  readonly isForced: boolean;
}

/** What a request says of the calls it wants. */
export interface CallWish {
  /** Those that may be called. */
  readonly tools: readonly ChatTool[];
  /** Whether one must be (`required`, or a named tool). */
  readonly isForced: boolean;
  /** Whether there may be several calls. */
  readonly isParallel: boolean;
}

/**
 * A grammar for answers in which tools must be called, or in which calls must fit a `strict` schema; null where nothing need hold.
 * Of a schema that is not strict, what cannot be enforced is left out and named.
 * @param form of calls in the model's own format; null where no grammar can describe it
 * @throws RequestError for a strict schema that cannot be enforced, and when tools define one name (`$defs`) in several ways
 */
export function callGrammar(wish: CallWish, form: CallForm | null): CallGrammar | null {
  const { tools, isForced } = wish;
  // Also where it is not used: what it refuses does not depend on the model.
  const list = isForced ? jsonOf(forcedCallSchema(tools, wish.isParallel)) : null;
  const own = isForced ? forcedFormat(wish, form) : possibleFormat(wish, form);
  const format = own ?? list;
  if (format === null) return null;
  const unenforced = new Set<string>();
  for (const { function: called } of tools) {
    const report =
      called.strict === true ? refuseOf(called.name) : (keyword: string) => unenforced.add(keyword);
    if (isForced || isStrict(called)) readSchema(parametersOf(called), 'tools', report);
  }
  return {
    params: { structural_tag: { type: 'structural_tag', format } },
    isLenient: true,
    unenforced: [...unenforced],
    isList: isForced && own === null,
    isForced,
  };
}

/** Calls in the model's own format; null where it cannot hold each tool to its schema. */
function forcedFormat({ tools, isParallel }: CallWish, form: CallForm | null): TagFormat | null {
  const calls = tools.map(({ function: called }) => form?.call(called.name, parametersOf(called)) ?? null);
  return form === null || calls.includes(null) ? null : forcedCalls(form, calls as TagFormat[], isParallel);
}

/** Any text, in which calls of tools that are strict fit their schemas; null where nothing need hold, or can. */
function possibleFormat({ tools, isParallel }: CallWish, form: CallForm | null): TagFormat | null {
  const isAnyStrict = env('SGLANG_TOOL_STRICT_LEVEL') > 0 || tools.some((tool) => isStrict(tool.function));
  if (tools.length === 0 || !isAnyStrict || form?.trigger == null) return null;
  const calls = tools.flatMap(({ function: called }): TagFormat[] => {
    const held = isStrict(called) ? form.call(called.name, parametersOf(called)) : null;
    if (held === null && called.strict === true) refuseForm(called.name);
    const tag = held ?? form.call(called.name, null);
    return tag === null ? [] : [tag];
  });
  return calls.length === 0 ? null : possibleCalls(form, calls, isParallel);
}

function parametersOf({ parameters }: ChatTool['function']): unknown {
  return parameters ?? NO_PARAMETERS;
}

function refuseForm(name: string): never {
  throw new RequestError(
    'bad_value',
    `Tool '${name.slice(0, 64)}' is strict, but its parameters cannot be enforced in the form in which this model writes calls ` +
      "(with tool_choice 'required' they can).",
    'tools',
  );
}

function refuseOf(name: string): ReportUnenforced {
  return (keyword, path) => {
    throw new RequestError(
      'bad_value',
      `Tool '${name.slice(0, 64)}' is strict, but ${keyword} at ${path} of its parameters cannot be enforced.`,
      'tools',
    );
  };
}

function isStrict({ strict }: ChatTool['function']): boolean {
  return strict === true || env('SGLANG_TOOL_STRICT_LEVEL') > 1;
}

/**
 * The JSON schema of an answer that must call tools, as SGLang has it: a list of calls, each with `name` and `parameters`.
 * @param isParallel whether there may be several
 * @throws RequestError when tools define one name (`$defs`) in several ways
 */
function forcedCallSchema(tools: readonly ChatTool[], isParallel: boolean): Schema {
  const calls = tools.map(callSchema);
  const [only] = calls;
  const items = calls.length === 1 && only !== undefined ? only : { type: 'object', anyOf: calls };
  const definitions = definitionsOf(tools);
  return {
    type: 'array',
    minItems: 1,
    ...(isParallel ? {} : { maxItems: 1 }),
    items,
    ...(Object.keys(definitions).length > 0 && { $defs: definitions }),
  };
}

function callSchema({ function: { name, parameters } }: ChatTool): Schema {
  const { $defs: dropped, ...own } = (parameters ?? NO_PARAMETERS) as Schema;
  void dropped;
  return {
    type: 'object',
    properties: { name: { type: 'string', enum: [name] }, parameters: own },
    required: ['name', 'parameters'],
  };
}

/** References stay good only where all definitions stand at the top. */
function definitionsOf(tools: readonly ChatTool[]): Schema {
  const all: Record<string, unknown> = {};
  for (const { function: called } of tools) {
    const { $defs = {} } = (called.parameters ?? {}) as { $defs?: Schema };
    for (const [name, body] of Object.entries($defs)) {
      if (Object.hasOwn(all, name) && JSON.stringify(all[name]) !== JSON.stringify(body)) {
        throw new RequestError(
          'bad_value',
          `Tool definition '${name.slice(0, 64)}' has multiple schemas, which is not supported.`,
          'tools',
        );
      }
      all[name] = body;
    }
  }
  return all;
}
