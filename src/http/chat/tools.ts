import { z } from 'zod';
import type { ChatTool, Conversation } from '../../chat-template';
import { env } from '../../core/env';
import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import type { CallWish } from './call-grammar';
import { readParameters } from './tool-schema';
import { JSON_ARRAY_PARSER, TOOL_PARSERS, type ToolParserName } from '../../tool-calls/registry';
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

/** @param tools those that may be called */
export function readWish(
  { tool_choice, parallel_tool_calls }: ToolFields,
  tools: readonly ChatTool[],
): CallWish {
  const isForced = tool_choice != null && tool_choice !== 'auto' && tool_choice !== 'none';
  return { tools, isForced, isParallel: parallel_tool_calls ?? true };
}

function refuseChoice(message: string): never {
  throw new RequestError('bad_value', message, 'tool_choice');
}

function readTool({ function: called }: z.output<typeof toolSchema>, i: number): ChatTool {
  const { name, description = null, strict = null } = called;
  const parameters = called.parameters == null ? null : readParameters(called.parameters, i);
  return { type: 'function', function: { description, name, parameters, strict } };
}

/** How this server's model writes calls: what `--tool-call-parser` says, or the template where that is `auto`. */
export function toolParserName({ args, chat }: Pick<AppDeps, 'args' | 'chat'>): ToolParserName | null {
  const { toolCallParser: wanted } = args;
  return wanted === 'auto' ? parserOfTemplate(chat?.source ?? '') : wanted;
}

/**
 * A parser for each answer in which tools may be called; null where none may, or nobody said how the model writes it.
 * @param name how the model writes calls
 * @param isList whether a grammar has it write them as SGLang's JSON list
 */
export function toolParserFor(
  name: ToolParserName | null,
  { tools = [], messages }: Conversation,
  isList: boolean,
): (() => ToolParser) | null {
  if (tools.length === 0 || (name === null && !isList)) return null;
  const make: ToolParserFactory = name === null || isList ? JSON_ARRAY_PARSER : TOOL_PARSERS[name];
  const options = {
    tools: tools.map(({ function: { name, parameters } }) => ({ name, parameters: parameters ?? null })),
    forwardUnknown: env('SGLANG_FORWARD_UNKNOWN_TOOLS'),
    callsBefore: messages.flatMap((message) => message['tool_calls'] ?? []).length,
  };
  return () => make(options);
}
