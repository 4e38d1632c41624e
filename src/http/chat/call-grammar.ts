import type { ChatTool } from '../../chat-template';
import { readSchema } from '../../constrained/schema/read-schema';
import type { ReportUnenforced } from '../../constrained/schema/report';
import { env } from '../../core/env';
import { RequestError } from '../../core/errors';
import type { CallTagForm } from '../../tool-calls/call-tags';
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
 * @param form of calls in the model's own format; null where no grammar can describe that
 * @throws RequestError for a strict schema that cannot be enforced, and when tools define one name (`$defs`) in several ways
 */
export function callGrammar(wish: CallWish, form: CallTagForm | null): CallGrammar | null {
  const { tools, isForced } = wish;
  const params = paramsOf(wish, form);
  if (params === null) return null;
  const unenforced = new Set<string>();
  for (const { function: called } of tools) {
    const report =
      called.strict === true ? refuseOf(called.name) : (keyword: string) => unenforced.add(keyword);
    if (isForced || isStrict(called)) readSchema(called.parameters ?? NO_PARAMETERS, 'tools', report);
  }
  return {
    params,
    isLenient: true,
    unenforced: [...unenforced],
    isList: isForced && form === null,
    isForced,
  };
}

function paramsOf({ tools, isForced, isParallel }: CallWish, form: CallTagForm | null): Schema | null {
  if (isForced) {
    const list = forcedCallSchema(tools, isParallel);
    if (form === null) return tagParams({ type: 'json_schema', json_schema: list });
    const tags = tools.map(({ function: { name, parameters } }) =>
      form.tag(name, parameters ?? NO_PARAMETERS),
    );
    const { separator } = form;
    const one = { at_least_one: true, stop_after_first: !isParallel };
    return tagParams({ type: 'tags_with_separator', tags, separator, ...one });
  }
  const isAnyStrict = env('SGLANG_TOOL_STRICT_LEVEL') > 0 || tools.some((tool) => isStrict(tool.function));
  if (tools.length === 0 || !isAnyStrict || form?.trigger == null) return null;
  const tags = tools.map(({ function: called }) =>
    form.tag(called.name, isStrict(called) ? (called.parameters ?? NO_PARAMETERS) : { type: 'object' }),
  );
  return tagParams({
    type: 'triggered_tags',
    triggers: [form.trigger],
    tags,
    at_least_one: false,
    stop_after_first: !isParallel,
  });
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

function tagParams(format: object): Schema {
  return { structural_tag: { type: 'structural_tag', format } };
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
