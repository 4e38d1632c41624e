import { z } from 'zod';
import type { ChatMessage } from '../../chat-template';
import { RequestError } from '../../core/errors';

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool', 'function'];

const partSchema = z.looseObject({ type: z.string() }, { error: 'must be an object with a type' });

/** A message of the chat API; what else it holds reaches the template. */
export const messageSchema = z.looseObject(
  {
    role: z.string({ error: `must be one of ${ROLES.join(', ')}` }),
    content: z
      .union([z.string(), z.array(partSchema)], { error: 'must be a string or a list of parts' })
      .nullish(),
  },
  { error: 'must be an object with role and content' },
);

type Message = z.output<typeof messageSchema>;

/**
 * Messages as the chat template takes them.
 * @throws RequestError for a role that nobody has, for content that is no text, and for a tool call whose arguments are no object
 */
export function readMessages(messages: readonly Message[]): ChatMessage[] {
  if (messages.length === 0) throw new RequestError('bad_value', 'Messages cannot be empty.', 'messages');
  return messages.map((message, i) => {
    const { role, content } = message;
    const calls = message['tool_calls'];
    if (!ROLES.includes(role.toLowerCase())) {
      throw new RequestError(
        'bad_value',
        `messages.${i}.role: must be one of ${ROLES.join(', ')}, got '${role.slice(0, 64)}'.`,
        'messages',
      );
    }
    return {
      ...message,
      content: Array.isArray(content) ? content.map(readPart) : (content ?? null),
      ...(Array.isArray(calls) && { tool_calls: calls.map(readCall) }),
    };
  });
}

function readPart(part: z.output<typeof partSchema>): { readonly type: 'text'; readonly text: string } {
  const { type, text } = part;
  if (type !== 'text') {
    throw new RequestError(
      'not_available',
      `Model only supports text input; received unsupported content type '${type.slice(0, 64)}'.`,
      'messages',
    );
  }
  if (typeof text === 'string') return { type, text };
  throw new RequestError('bad_request', 'A content part of type text must have a text.', 'messages');
}

/** Templates take the arguments of a call as an object, where the API has them as JSON in a string. */
function readCall(call: unknown): unknown {
  const { function: called, ...rest } = (call ?? {}) as { function?: { arguments?: unknown } };
  if (typeof called?.arguments !== 'string') return call;
  return { ...rest, function: { ...called, arguments: parseArguments(called.arguments) } };
}

function parseArguments(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text === '' ? '{}' : text);
  } catch {
    throw new RequestError(
      'bad_value',
      'Assistant tool call function.arguments must be valid JSON.',
      'messages',
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new RequestError(
    'bad_value',
    'Assistant tool call function.arguments must be a JSON object.',
    'messages',
  );
}
