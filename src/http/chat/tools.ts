import { z } from 'zod';
import type { ChatTool, Conversation } from '../../chat-template';
import { env } from '../../core/env';
import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import { forcedCallSchema } from './forced-call';
import { JSON_ARRAY_PARSER, TOOL_PARSERS } from '../../tool-calls/registry';
import { parserOfTemplate } from '../../tool-calls/template-parser';
import type { ToolParser, ToolParserFactory } from '../../tool-calls/tool-parser';

const text = z.string({ error: 'must be a string' });

/** A function that the model may call. */
const toolSchema = z.looseObject(
  {
    type: z.literal('function', { error: "must be 'function'" }),
    function: z.looseObject(
      {
        name: text.min(1, { error: 'must not be empty' }),
        description: text.nullish(),
        parameters: z.unknown().optional(),
        strict: z.boolean({ error: 'must be true or false' }).nullish(),
      },
      { error: 'must be an object with the name of a function' },
    ),
  },
  { error: 'must be an object with a function' },
);

/** What a request says of tools. */
export const toolFields = {
  tools: z.array(toolSchema, { error: 'must be a list of tools' }).nullish(),
  parallel_tool_calls: z.boolean({ error: 'must be true or false' }).nullish(),
  tool_choice: z
    .union(
      [
        z.enum(['auto', 'none', 'required']),
        z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: text }) }),
      ],
      { error: 'must be auto, none, required or an object that names a function' },
    )
    .nullish(),
};

type ToolFields = z.output<z.ZodObject<typeof toolFields>>;

/**
 * The functions that the model may call in its answer: all, the one that is chosen, or none.
 * @throws RequestError for schemas that are none, and for a choice that no tool fits
 */
export function readTools({ tools, tool_choice }: ToolFields): ChatTool[] {
  const offered = (tools ?? []).map(readTool);
  if (tool_choice == null || tool_choice === 'auto') return offered;
  if (tool_choice === 'none') return [];
  const isRequired = tool_choice === 'required';
  if (offered.length === 0) {
    refuseChoice(
      `Tools cannot be empty if tool choice is set to ${isRequired ? 'required' : 'a specific tool'}.`,
    );
  }
  if (isRequired) return offered;
  const { name } = tool_choice.function;
  const chosen = offered.filter((tool) => tool.function.name === name);
  if (chosen.length === 0) refuseChoice(`Tool '${name.slice(0, 64)}' not found in tools list.`);
  return chosen;
}

/**
 * What the answer must look like where tools must be called; null where they need not be.
 * @throws RequestError when tools define one name in several ways
 */
export function readForcedCall({ tool_choice, parallel_tool_calls }: ToolFields, tools: readonly ChatTool[]) {
  if (tool_choice == null || tool_choice === 'auto' || tool_choice === 'none') return null;
  return forcedCallSchema(tools, parallel_tool_calls ?? true);
}

function refuseChoice(message: string): never {
  throw new RequestError('bad_value', message, 'tool_choice');
}

function readTool({ function: called }: z.output<typeof toolSchema>, i: number): ChatTool {
  const { name, description = null, parameters = null, strict = null } = called;
  const fault = parameters === null ? null : schemaFault(parameters);
  if (fault !== null) {
    throw new RequestError(
      'bad_value',
      `Tool ${i} function has invalid 'parameters' schema: ${fault}`,
      'tools',
    );
  }
  return { type: 'function', function: { description, name, parameters, strict } };
}

const TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
const MAX_DEPTH = 32;

/** What makes a value no JSON schema; null for one that is. It looks at the keywords that a model is likely to see. */
function schemaFault(schema: unknown, at = 'parameters', depth = 0): string | null {
  if (typeof schema === 'boolean') return null;
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
    return `${at} must be an object`;
  if (depth > MAX_DEPTH) return `${at} is nested too deeply`;
  const { type, properties, required, items } = schema as Record<string, unknown>;
  const wrong = [type ?? []].flat().find((name) => !TYPES.includes(name as string));
  if (wrong !== undefined)
    return `${at}.type must be one of ${TYPES.join(', ')}, got ${JSON.stringify(wrong)}`;
  if (
    required !== undefined &&
    !(Array.isArray(required) && required.every((name) => typeof name === 'string'))
  ) {
    return `${at}.required must be a list of names`;
  }
  if (
    properties !== undefined &&
    (typeof properties !== 'object' || properties === null || Array.isArray(properties))
  ) {
    return `${at}.properties must be an object`;
  }
  const inner: (readonly [string, unknown])[] = [
    ...Object.entries(properties ?? {}).map(([name, value]) => [`${at}.properties.${name}`, value] as const),
    ...(items === undefined || Array.isArray(items) ? [] : [[`${at}.items`, items] as const]),
  ];
  for (const [where, value] of inner) {
    const fault = schemaFault(value, where, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}

/**
 * A parser for each answer in which tools may be called; null where none may, or nobody said how the model writes it.
 * @param isForced whether a grammar has the model write calls in SGLang's own form
 */
export function toolParserFor(
  { args, chat }: Pick<AppDeps, 'args' | 'chat'>,
  { tools = [], messages }: Conversation,
  isForced: boolean,
): (() => ToolParser) | null {
  if (tools.length === 0) return null;
  const { toolCallParser: wanted } = args;
  const name = wanted === 'auto' ? parserOfTemplate(chat?.source ?? '') : wanted;
  if (name === null && !isForced) return null;
  const make: ToolParserFactory = name === null || isForced ? JSON_ARRAY_PARSER : TOOL_PARSERS[name];
  const options = {
    tools: tools.map(({ function: { name, parameters } }) => ({ name, parameters: parameters ?? null })),
    forwardUnknown: env('SGLANG_FORWARD_UNKNOWN_TOOLS'),
    callsBefore: messages.flatMap((message) => message['tool_calls'] ?? []).length,
  };
  return () => make(options);
}
