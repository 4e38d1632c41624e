import type { ChatMessage } from '../../chat-template';
import { RequestError } from '../../core/errors';
import { assistantMessage, type PastThoughts } from '../chat/past-thoughts';
import type { InputItem } from './request';

/** Finds an item of an earlier response by its id; null where there is none. */
export type FindItem = (id: string) => InputItem | null;

interface Turn {
  readonly texts: string[];
  readonly thoughts: string[];
  readonly calls: object[];
}

/**
 * Items as messages of a chat. What the assistant thought, said and called one after the other is one message.
 * @throws RequestError for items nobody knows, and for content that is no text
 */
export function messagesOf(items: readonly InputItem[], past: PastThoughts, find: FindItem): ChatMessage[] {
  const out: ChatMessage[] = [];
  let turn: Turn | null = null;
  const endTurn = () => {
    if (turn === null) return;
    const { texts, thoughts, calls } = turn;
    out.push(assistantMessage({ text: texts.join('\n'), thought: thoughts.join('\n'), calls }, past));
    turn = null;
  };
  for (const [i, given] of items.entries()) {
    const at = `input.${i}`;
    const item = given.type === 'item_reference' ? referred(given, find, at) : given;
    const own: Turn = turn ?? { texts: [], thoughts: [], calls: [] };
    if (addToTurn(own, item, at)) turn = own;
    else {
      endTurn();
      out.push(otherMessage(item, at));
    }
  }
  endTurn();
  return out;
}

function referred(item: InputItem, find: FindItem, at: string): InputItem {
  const id = stringOf(item, 'id', at);
  const found = find(id);
  if (found !== null) return found;
  throw new RequestError('not_found', `Item with id '${id.slice(0, 64)}' not found.`, 'input');
}

/** @returns whether the item is something that the assistant did */
function addToTurn(turn: Turn, item: InputItem, at: string): boolean {
  switch (item.type) {
    case 'reasoning':
      turn.thoughts.push(thoughtOf(item));
      return true;
    case 'function_call':
      turn.calls.push({
        id: stringOf(item, 'call_id', at),
        type: 'function',
        function: { name: stringOf(item, 'name', at), arguments: stringOf(item, 'arguments', at) },
      });
      return true;
    case 'message':
    case null:
    case undefined:
      if (item['role'] !== 'assistant') return false;
      turn.texts.push(textOf(item['content'], at));
      return true;
    default:
      return false;
  }
}

function otherMessage(item: InputItem, at: string): ChatMessage {
  if (item.type === 'function_call_output') {
    const content = textOf(item['output'], at);
    return { role: 'tool', tool_call_id: stringOf(item, 'call_id', at), content };
  }
  const { type = 'message' } = item;
  if (type !== 'message' && type !== null) refuse(`${at}.type: '${type.slice(0, 64)}' is not known.`);
  const role = stringOf(item, 'role', at);
  // A newer name of system's.
  if (role === 'developer') return { role: 'system', content: textOf(item['content'], at) };
  if (role === 'user' || role === 'system') return { role, content: textOf(item['content'], at) };
  return refuse(`${at}.role: must be user, assistant, system or developer.`);
}

/** Clients that hide thoughts keep but a summary. */
function thoughtOf({ content, summary }: InputItem): string {
  const texts = (parts: unknown) =>
    Array.isArray(parts)
      ? parts.map((part: { text?: unknown } | null) => (typeof part?.text === 'string' ? part.text : ''))
      : [];
  const own = texts(content);
  return (own.length > 0 ? own : texts(summary)).join('\n');
}

const TEXT_TYPES = ['input_text', 'output_text', 'text'];

function textOf(content: unknown, at: string): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return refuse(`${at}: must have a text, or a list of parts.`);
  return content
    .map((part: Record<string, unknown> | null) => {
      const { type, text, refusal } = part ?? {};
      if (TEXT_TYPES.includes(type as string) && typeof text === 'string') return text;
      if (type === 'refusal' && typeof refusal === 'string') return refusal;
      throw new RequestError(
        'not_available',
        `${at}: this model reads text only, not parts of type '${String(type).slice(0, 64)}'.`,
        'input',
      );
    })
    .join('\n');
}

function stringOf(item: InputItem, key: string, at: string): string {
  const value = item[key];
  return typeof value === 'string' ? value : refuse(`${at}.${key}: must be a string.`);
}

function refuse(message: string): never {
  throw new RequestError('bad_request', message, 'input');
}
