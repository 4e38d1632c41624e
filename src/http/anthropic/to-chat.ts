import type { ChatTemplate } from '../../chat-template';
import { RequestError } from '../../core/errors';
import type { PastThoughts } from '../chat/past-thoughts';
import { switchesThinking } from '../chat/thinking-switches';
import { chatMessages } from './history';
import type { MessageRequest, PromptRequest, Tool } from './request';

/** What the translation looks at of the model. */
export interface Model {
  readonly chat: ChatTemplate;
  readonly pastThoughts: PastThoughts;
  /** Whether thoughts can be told from answers. */
  readonly knowsReasoning: boolean;
}

/** Tools that Anthropic's own servers run; they mean nothing to a model here. */
const SERVER_TOOL = /^(?!custom$)./;

/**
 * The body of a chat completion that asks what a conversation of Anthropic's asks.
 * @throws RequestError for what no model of text can be asked
 */
export function chatPrompt(request: PromptRequest, model: Model) {
  const messages = chatMessages(request, model.pastThoughts);
  return {
    messages,
    // The answer goes on where the client has begun it.
    continue_final_message: messages.at(-1)?.role === 'assistant',
    ...toolsOf(request),
    ...thinkingOf(request, model),
    ...formatOf(request),
  };
}

/** The body of a chat completion that asks for the message. */
export function chatBody(request: MessageRequest, model: Model) {
  const { max_tokens, stop_sequences, stream, temperature, top_p, top_k } = request;
  return {
    ...chatPrompt(request, model),
    max_tokens,
    stop: stop_sequences ?? null,
    stream: stream ?? false,
    temperature: temperature ?? null,
    top_p: top_p ?? null,
    ...(top_k != null && { top_k }),
  };
}

function toolsOf({ tools, tool_choice }: PromptRequest): object {
  const functions = (tools ?? []).filter(({ type }) => !SERVER_TOOL.test(type ?? 'custom'));
  const { type, name, disable_parallel_tool_use } = tool_choice ?? {};
  return {
    ...(functions.length > 0 && { tools: functions.map(toolOf) }),
    ...(type !== undefined && { tool_choice: choiceOf(type, name ?? null, tools ?? []) }),
    ...(disable_parallel_tool_use === true && { parallel_tool_calls: false }),
  };
}

function toolOf({ name, description, input_schema, strict }: Tool): object {
  const parameters = { type: 'object', ...input_schema };
  return { type: 'function', function: { name, description, parameters, strict } };
}

function choiceOf(
  type: 'auto' | 'any' | 'tool' | 'none',
  name: string | null,
  tools: readonly Tool[],
): string | object {
  if (type === 'any') return 'required';
  if (type !== 'tool') return type;
  if (name === null)
    throw new RequestError('bad_request', 'tool_choice.name: is required for type tool.', 'tool_choice');
  if (tools.some((tool) => tool.name === name && SERVER_TOOL.test(tool.type ?? 'custom'))) {
    throw new RequestError(
      'not_available',
      `tool_choice: '${name.slice(0, 64)}' is a tool of Anthropic's servers, which this server does not run.`,
      'tool_choice',
    );
  }
  return { type: 'function', function: { name } };
}

/**
 * Agents ask for thought whatever model they talk to: a model that cannot be asked for it answers as it does. Only being told
 * not to think is refused by one that always does.
 */
function thinkingOf({ thinking, output_config }: PromptRequest, { chat, knowsReasoning }: Model): object {
  const effort = output_config?.effort ?? null;
  const canSwitch = switchesThinking(chat);
  const asksEffort = effort !== null && thinking?.type !== 'disabled' && chat.reads('reasoning_effort');
  if (thinking?.type === 'disabled' && !canSwitch && knowsReasoning) {
    throw new RequestError(
      'not_available',
      'thinking: this model always thinks; it cannot be disabled.',
      'thinking',
    );
  }
  return {
    ...(asksEffort && { reasoning_effort: effort === 'xhigh' ? 'max' : effort }),
    ...(thinking?.type === 'enabled' && knowsReasoning && { thinking_budget: thinking.budget_tokens }),
    ...(thinking != null && canSwitch && { reasoning: { enabled: thinking.type !== 'disabled' } }),
  };
}

function formatOf({ output_config }: PromptRequest): object {
  const format = output_config?.format;
  if (format == null) return {};
  return { response_format: { type: 'json_schema', json_schema: { name: 'output', schema: format.schema } } };
}
