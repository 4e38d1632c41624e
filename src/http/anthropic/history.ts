import type { ChatMessage } from '../../chat-template';
import { RequestError } from '../../core/errors';
import { assistantMessage, type PastThoughts } from '../chat/past-thoughts';
import type { Block, Content, PromptRequest } from './request';

/**
 * A conversation in the words of a chat: system first, results of tools as messages of their own in their place, thoughts where
 * the model looks for them. Thoughts that it could not tell from text are left out.
 * @throws RequestError for blocks that are no text
 */
export function chatMessages({ system, messages }: PromptRequest, past: PastThoughts): ChatMessage[] {
  const names = new Map<string, string>();
  const first = system == null ? '' : textOf(system, 'system');
  return [
    ...(first === '' ? [] : [{ role: 'system', content: first }]),
    ...messages.flatMap(({ role, content }, i): ChatMessage[] => {
      const at = `messages.${i}.content`;
      switch (role) {
        case 'user':
          return userMessages(content, names, at);
        case 'assistant':
          return [turnOf(content, names, past, at)];
        case 'system':
          return [{ role, content: textOf(content, at) }];
      }
    }),
  ];
}

function userMessages(content: Content, names: ReadonlyMap<string, string>, at: string): ChatMessage[] {
  if (typeof content === 'string') return [{ role: 'user', content }];
  const out: ChatMessage[] = [];
  let texts: string[] = [];
  const flush = () => {
    if (texts.length > 0) out.push({ role: 'user', content: texts.join('\n') });
    texts = [];
  };
  for (const [i, block] of content.entries()) {
    if (block.type !== 'tool_result') texts.push(blockText(block, `${at}.${i}`));
    else {
      flush();
      out.push(resultMessage(block, names, `${at}.${i}`));
    }
  }
  flush();
  return out.length === 0 ? [{ role: 'user', content: '' }] : out;
}

function resultMessage(block: Block, names: ReadonlyMap<string, string>, at: string): ChatMessage {
  const id = block['tool_use_id'];
  const content = block['content'] as Content | null | undefined;
  if (typeof id !== 'string') refuse(at, 'tool_use_id must be a string');
  if (content != null && typeof content !== 'string' && !isBlocks(content)) {
    refuse(at, 'content must be a string or a list of blocks');
  }
  const name = names.get(id);
  return {
    role: 'tool',
    tool_call_id: id,
    ...(name !== undefined && { name }),
    content: content == null ? '' : textOf(content, `${at}.content`),
  };
}

/** @param names told of the tools that are called, by the ids of the calls */
function turnOf(content: Content, names: Map<string, string>, past: PastThoughts, at: string): ChatMessage {
  if (typeof content === 'string') return { role: 'assistant', content };
  const texts: string[] = [];
  const thoughts: string[] = [];
  const calls: object[] = [];
  for (const [i, block] of content.entries()) {
    if (block.type === 'thinking') thoughts.push(stringOf(block, 'thinking', `${at}.${i}`));
    else if (block.type === 'tool_use') calls.push(callOf(block, names, `${at}.${i}`));
    else texts.push(blockText(block, `${at}.${i}`));
  }
  return assistantMessage({ text: texts.join('\n'), thought: thoughts.join('\n'), calls }, past);
}

function callOf(block: Block, names: Map<string, string>, at: string): object {
  const id = stringOf(block, 'id', at);
  const name = stringOf(block, 'name', at);
  const input = block['input'] ?? {};
  if (typeof input !== 'object' || Array.isArray(input)) refuse(at, 'input must be an object');
  names.set(id, name);
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input) } };
}

function textOf(content: Content, at: string): string {
  if (typeof content === 'string') return content;
  return content.map((block, i) => blockText(block, `${at}.${i}`)).join('\n');
}

/** What a model that reads text is shown of a block. */
function blockText(block: Block, at: string): string {
  switch (block.type) {
    case 'text':
      return stringOf(block, 'text', at);
    case 'search_result': {
      const { title, source, content } = block as Record<string, unknown>;
      const parts = [title, source].filter((part) => typeof part === 'string');
      return [...parts, ...(isBlocks(content) ? [textOf(content, `${at}.content`)] : [])].join('\n');
    }
    case 'document': {
      const { type, data, content } = (block['source'] ?? {}) as Record<string, unknown>;
      if (type === 'text' && typeof data === 'string') return data;
      if (type === 'content' && (typeof content === 'string' || isBlocks(content))) {
        return textOf(content, `${at}.source.content`);
      }
      return refuse(at, 'documents must be text');
    }
    case 'tool_reference':
      return stringOf(block, 'tool_name', at);
    case 'redacted_thinking':
      throw new RequestError(
        'not_available',
        'Anthropic redacted_thinking history is not supported',
        'messages',
      );
    default:
      throw new RequestError(
        'not_available',
        `${at}: this model reads text only, not blocks of type '${block.type.slice(0, 64)}'.`,
        'messages',
      );
  }
}

function isBlocks(value: unknown): value is Block[] {
  return (
    Array.isArray(value) && value.every((block: Partial<Block> | null) => typeof block?.type === 'string')
  );
}

function stringOf(block: Block, key: string, at: string): string {
  const value = block[key];
  return typeof value === 'string' ? value : refuse(at, `${key} must be a string`);
}

function refuse(at: string, fault: string): never {
  throw new RequestError('bad_request', `${at}: ${fault}.`, 'messages');
}
