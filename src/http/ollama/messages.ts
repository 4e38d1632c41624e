import { z } from 'zod';
import { RequestError } from '../../core/errors';

const text = z.string({ error: 'must be a string' });

const callSchema = z.looseObject(
  {
    id: text.nullish(),
    function: z.looseObject(
      {
        name: text,
        arguments: z.record(z.string(), z.unknown(), { error: 'must be an object' }).nullish(),
      },
      { error: 'must be an object with name and arguments' },
    ),
  },
  { error: 'must be an object with a function' },
);

/** A list of what this server's models do not see. */
export const imagesField = z.array(z.unknown(), { error: 'must be a list of images' }).nullish();

/** A message as Ollama has it. */
export const messageSchema = z.looseObject(
  {
    role: text,
    content: text.nullish(),
    thinking: text.nullish(),
    images: imagesField,
    tool_calls: z.array(callSchema, { error: 'must be a list of calls' }).nullish(),
    tool_name: text.nullish(),
    tool_call_id: text.nullish(),
  },
  { error: 'must be an object with role and content' },
);

type Message = z.output<typeof messageSchema>;

/** Calls whose results have not been seen, oldest first. */
type OpenCalls = { readonly id: string; readonly name: string }[];

/**
 * Messages as chat completions have them. Ollama's calls need no ids and its results name the function: ids are given here, and a
 * result gets that of the first call of its name which has none yet.
 * @throws RequestError for images
 */
export function chatMessagesOf(messages: readonly Message[]): object[] {
  const open: OpenCalls = [];
  let count = 0;
  return messages.map(({ role, content, thinking, images, tool_calls, tool_name, tool_call_id }) => {
    refuseImages(images);
    const calls = (tool_calls ?? []).map(({ id, function: { name, arguments: given } }) => {
      const call = { id: id ?? `call_${count}`, name };
      count++;
      open.push(call);
      return { id: call.id, type: 'function', function: { name, arguments: given ?? {} } };
    });
    return {
      role,
      content: content ?? '',
      ...(thinking && { reasoning_content: thinking }),
      ...(calls.length > 0 && { tool_calls: calls }),
      ...(role === 'tool' && answered(open, tool_name ?? null, tool_call_id ?? null)),
    };
  });
}

function answered(open: OpenCalls, name: string | null, id: string | null): object {
  const isIt = (call: OpenCalls[number]) =>
    id === null ? name === null || call.name === name : call.id === id;
  const position = open.findIndex(isIt);
  const [call] = position < 0 ? [] : open.splice(position, 1);
  const called = id ?? call?.id;
  const named = name ?? call?.name;
  return {
    ...(called !== undefined && { tool_call_id: called }),
    ...(named !== undefined && { name: named }),
  };
}

/** @throws RequestError for any */
export function refuseImages(images: readonly unknown[] | null | undefined): void {
  if (images == null || images.length === 0) return;
  throw new RequestError('not_available', 'images are not available: this model takes text only.', 'images');
}
