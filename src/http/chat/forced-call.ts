import type { ChatTool } from '../../chat-template';
import { RequestError } from '../../core/errors';

type Schema = Readonly<Record<string, unknown>>;

const NO_PARAMETERS: Schema = { type: 'object', properties: {} };

/**
 * The JSON schema of an answer that must call tools, as SGLang has it: a list of calls, each with `name` and `parameters`.
 * @param isParallel whether there may be several
 * @throws RequestError when tools define one name (`$defs`) in several ways
 */
export function forcedCallSchema(tools: readonly ChatTool[], isParallel: boolean): Schema {
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
