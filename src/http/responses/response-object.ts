import type { TokenCounts } from '../chat/choice-news';
import { now } from '../openai/reply-parts';
import type { ResponseRequest } from './request';
import type { Drawing } from './to-chat';

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled';

/** Something that the model did: it thought, said something, or called a function. */
export type OutputItem = {
  readonly id: string;
  readonly type: 'reasoning' | 'message' | 'function_call';
  readonly status: 'in_progress' | 'completed' | 'incomplete';
} & Readonly<Record<string, unknown>>;

/** What a client is told of a response, whole. */
export type ResponseObject = {
  readonly id: string;
  readonly status: ResponseStatus;
  readonly output: readonly OutputItem[];
} & Readonly<Record<string, unknown>>;

/** A response of which nothing is known but the request. */
export function newResponse(
  request: ResponseRequest,
  { id, drawing, served }: { readonly id: string; readonly drawing: Drawing; readonly served: string },
): ResponseObject {
  const { reasoning, text, tools, tool_choice } = request;
  return {
    id,
    object: 'response',
    created_at: now(),
    status: request.background === true ? 'queued' : 'in_progress',
    background: request.background ?? false,
    model: request.model ?? served,
    output: [],
    error: null,
    incomplete_details: null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: request.metadata ?? {},
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: request.previous_response_id ?? null,
    reasoning: { effort: reasoning?.effort ?? null, summary: reasoning?.summary ?? null },
    store: request.store ?? true,
    temperature: drawing.temperature,
    text: { ...text, format: text?.format ?? { type: 'text' } },
    tool_choice: tool_choice ?? 'auto',
    tools: tools ?? [],
    top_logprobs: request.top_logprobs ?? 0,
    top_p: drawing.topP,
    truncation: request.truncation ?? 'disabled',
    usage: null,
    user: request.user ?? null,
  };
}

export function usageOf({
  promptTokens,
  completionTokens,
  cachedTokens,
  reasoningTokens,
}: TokenCounts): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
    total_tokens: promptTokens + completionTokens,
  };
}
