import type { ChatMessage, ChatTemplate } from '../../chat-template';
import type { RawSamplingParams } from '../../tokenizer-manager';
import { switchesThinking } from '../chat/thinking-switches';
import { wantsLogprobs, type ResponseRequest } from './request';

const DEFAULT_TEMPERATURE = 0.7;

/** How the answer is drawn. */
export interface Drawing {
  readonly temperature: number;
  readonly topP: number;
}

/** @param defaults of the model's authors and the operator */
export function drawingOf({ temperature, top_p }: ResponseRequest, defaults: RawSamplingParams): Drawing {
  return {
    temperature: temperature ?? (defaults['temperature'] as number | undefined) ?? DEFAULT_TEMPERATURE,
    topP: top_p ?? (defaults['top_p'] as number | undefined) ?? 1,
  };
}

/**
 * The body of a chat completion that asks what a request for a response asks.
 * @param conversation all that was said before the answer, without the instructions
 * @param id of the response, by which its generation can be aborted
 */
export function chatBody(
  request: ResponseRequest,
  conversation: readonly ChatMessage[],
  { id, drawing, chat }: { readonly id: string; readonly drawing: Drawing; readonly chat: ChatTemplate },
) {
  const { instructions, max_output_tokens, stream, parallel_tool_calls, text, top_logprobs } = request;
  const passed = {
    chat_template_kwargs: request.chat_template_kwargs,
    priority: request.priority,
    extra_key: request.extra_key,
    cache_salt: request.cache_salt,
    stop: request.stop,
    top_k: request.top_k,
    min_p: request.min_p,
    repetition_penalty: request.repetition_penalty,
    frequency_penalty: request.frequency_penalty,
    presence_penalty: request.presence_penalty,
    thinking_budget: request.thinking_budget,
  };
  return {
    ...passed,
    rid: id,
    messages:
      instructions == null ? conversation : [{ role: 'system', content: instructions }, ...conversation],
    stream: stream ?? false,
    temperature: drawing.temperature,
    top_p: drawing.topP,
    max_completion_tokens: max_output_tokens ?? null,
    parallel_tool_calls: parallel_tool_calls ?? null,
    ...toolsOf(request),
    ...effortOf(request, chat),
    ...(text?.format != null && { response_format: formatOf(text.format) }),
    ...(wantsLogprobs(request) && { logprobs: true, top_logprobs: top_logprobs ?? 0 }),
  };
}

/** Tools that hosted models run have no meaning here, and clients send them all the same. */
function toolsOf({ tools, tool_choice }: ResponseRequest): object {
  const functions = (tools ?? []).flatMap(({ type, name, description, parameters, strict }) =>
    type === 'function' ? [{ type, function: { name, description, parameters, strict } }] : [],
  );
  if (functions.length === 0) return {};
  return { tools: functions, tool_choice: choiceOf(tool_choice) };
}

function choiceOf(choice: ResponseRequest['tool_choice']): string | object {
  if (choice == null || typeof choice === 'string') return choice ?? 'auto';
  return choice.type === 'function' ? { type: 'function', function: { name: choice['name'] } } : 'auto';
}

/** Clients ask for effort whatever the model: one whose template does not look at it answers as it does. */
function effortOf({ reasoning }: ResponseRequest, chat: ChatTemplate): object {
  const effort = reasoning?.effort ?? null;
  if (effort === null || !(chat.reads('reasoning_effort') || switchesThinking(chat))) return {};
  return { reasoning_effort: effort };
}

/** What a chat has in a member of its own stands flat here. */
function formatOf({ type, ...format }: { readonly type: string; readonly [key: string]: unknown }): object {
  if (type !== 'json_schema') return { type, ...format };
  return { type, json_schema: format };
}
