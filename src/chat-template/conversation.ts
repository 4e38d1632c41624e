import type { ContentFormat } from './content-format';

/** A piece of a message; texts are the only ones that models are given here. */
export interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

/**
 * One turn of a conversation under the names of OpenAI's API, which are also those that templates read. What else a message
 * says (`name`, `tool_calls`, `reasoning_content` …) reaches the template as it is.
 */
export interface ChatMessage {
  readonly role: string;
  /** null and absent where a turn has no text, such as one that only calls tools. */
  readonly content?: string | readonly TextPart[] | null;
  readonly [field: string]: unknown;
}

/** A function that the model may call, as the template shows it. */
export interface ChatTool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string | null;
    /** JSON schema of its arguments. */
    readonly parameters?: unknown;
    readonly strict?: boolean | null;
  };
}

/** What is asked of a template. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  /** Functions that the model may call, as OpenAI's API has them. */
  readonly tools?: readonly ChatTool[];
  /** Let the answer go on where the last message, one of the assistant's, stops. */
  readonly continueFinalMessage?: boolean;
  /** Further variables for the template (`chat_template_kwargs`). */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** What differs between templates in how messages are handed to them. */
export interface MessageForm {
  readonly format: ContentFormat;
  /** Whether the template has a word of its own for the role `developer`; elsewhere that is `system` under a newer name. */
  readonly knowsDeveloper: boolean;
}

/** Messages as the template takes them, and the text after which the answer goes on. */
export interface PreparedMessages {
  readonly messages: readonly ChatMessage[];
  readonly prefix: string;
}

/**
 * Brings messages into the form that a template reads. As in SGLang, an assistant's message at the end that is not to be
 * continued counts as the user's: there is something to answer.
 */
export function prepareMessages(
  { messages, continueFinalMessage = false }: Conversation,
  form: MessageForm,
): PreparedMessages {
  const prepared = messages.map((message) => prepare(message, form));
  const last = prepared.at(-1);
  if (last?.role !== 'assistant') return { messages: prepared, prefix: '' };
  const before = prepared.slice(0, -1);
  return continueFinalMessage
    ? { messages: before, prefix: joined(messages.at(-1)?.content ?? '', '') }
    : { messages: [...before, { ...last, role: 'user' }], prefix: '' };
}

function prepare(message: ChatMessage, { format, knowsDeveloper }: MessageForm): ChatMessage {
  const role = message.role.toLowerCase();
  const content = message.content ?? '';
  return {
    ...message,
    role: role === 'developer' && !knowsDeveloper ? 'system' : role,
    content: format === 'openai' && role !== 'tool' ? content : joined(content, ' '),
  };
}

function joined(content: string | readonly TextPart[], separator: string): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join(separator);
}
