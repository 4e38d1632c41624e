import type { Usage } from './answer-facts.ts';
import { call, errorText, posting, ServerError } from './server.ts';
import { eventData } from './sse.ts';

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** What is asked of the model besides the conversation; what is absent is up to the server. */
export interface ChatOptions {
  readonly temperature?: number;
  readonly max_tokens?: number;
}

/** What a chunk brings. */
export type ChatNews =
  | { readonly type: 'text' | 'reasoning'; readonly text: string }
  | { readonly type: 'usage'; readonly usage: Usage }
  | { readonly type: 'end'; readonly reason: string };

interface Chunk {
  readonly error?: unknown;
  readonly usage?: Usage | null;
  readonly choices?: readonly {
    readonly delta: { readonly content?: string | null; readonly reasoning_content?: string | null };
    readonly finish_reason: string | null;
  }[];
}

/**
 * Asks for the next answer of a conversation, as it is written.
 * @throws ServerError for what the server refuses, before or in the stream
 */
export async function* streamChat(
  messages: readonly Message[],
  options: ChatOptions,
  signal: AbortSignal,
): AsyncGenerator<ChatNews> {
  const body = {
    model: 'default',
    messages,
    ...options,
    stream: true,
    // Usage so far comes with each chunk, so that an answer that is stopped has its numbers too.
    stream_options: { include_usage: true, continuous_usage_stats: true },
  };
  const reply = await call('v1/chat/completions', { ...posting(JSON.stringify(body)), signal });
  if (reply.body === null) return;
  for await (const data of eventData(reply.body)) {
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error !== undefined) throw new ServerError(null, errorText(reply.status, data));
    if (chunk.usage) yield { type: 'usage', usage: chunk.usage };
    const [choice] = chunk.choices ?? [];
    if (choice === undefined) continue;
    const { reasoning_content: reasoning, content } = choice.delta;
    if (reasoning) yield { type: 'reasoning', text: reasoning };
    if (content) yield { type: 'text', text: content };
    if (choice.finish_reason !== null) yield { type: 'end', reason: choice.finish_reason };
  }
}
