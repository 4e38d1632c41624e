import { z } from 'zod';
import type { ChatTemplate } from '../../chat-template';
import { RequestError } from '../../core/errors';
import { switchesThinking } from '../chat/thinking-switches';
import type { OtherFields } from '../fields';
import { modelFields } from './model-name';
import { chatFieldsOf, optionsSchema } from './options';

const boolean = z.boolean({ error: 'must be true or false' }).nullish();

/** What `/api/chat` and `/api/generate` have in common. */
export const commonFields = {
  ...modelFields,
  stream: boolean,
  format: z
    .union([z.enum(['', 'json']), z.record(z.string(), z.unknown())], {
      error: "must be 'json' or a JSON Schema",
    })
    .nullish(),
  think: z
    .union([z.boolean(), z.enum(['low', 'medium', 'high', 'max'])], {
      error: 'must be true, false, low, medium, high or max',
    })
    .nullish(),
  keep_alive: z
    .union([z.string(), z.number()], { error: 'must be a number of seconds or a duration such as 5m' })
    .nullish(),
  options: optionsSchema.nullish(),
  logprobs: boolean,
  top_logprobs: z.int({ error: 'must be an integer' }).nullish(),
};

/** What Ollama's API knows besides, or clients add. */
export const OTHER_FIELDS: OtherFields = { lenient: true, ignored: ['truncate', 'shift'] };

export type CommonFields = z.output<z.ZodObject<typeof commonFields>>;

interface Model {
  readonly contextLen: number;
  readonly chat: ChatTemplate | null;
  /** Whether thoughts can be told from answers. */
  readonly knowsReasoning: boolean;
}

/** These fields as those of a chat completion. @throws RequestError */
export function commonChatFields(body: CommonFields, model: Model): Record<string, unknown> {
  const { format, think, logprobs, top_logprobs } = body;
  return {
    ...chatFieldsOf(body.options, model.contextLen),
    ...(format != null && format !== '' && { response_format: formatOf(format) }),
    ...thinkFields(think ?? null, model),
    logprobs: logprobs ?? (top_logprobs ?? 0) > 0,
    top_logprobs,
    // Durations are taken from the steps, also where the reply is whole.
    stream: true,
  };
}

/** Ollama passes over what it cannot hold an answer to, and so is done here. */
function formatOf(format: 'json' | Readonly<Record<string, unknown>>): object {
  return format === 'json'
    ? { type: 'json_object' }
    : { type: 'json_schema', json_schema: { name: 'format', schema: format, strict: false } };
}

/** Not to think is what models do that cannot. */
function thinkFields(think: boolean | string | null, { chat, knowsReasoning }: Model): object {
  if (think === null) return {};
  const isSwitched = chat !== null && switchesThinking(chat);
  const hasEffort = chat?.reads('reasoning_effort') ?? false;
  if (typeof think === 'string' && hasEffort) return { reasoning_effort: think };
  if (isSwitched) return { reasoning: { enabled: think !== false } };
  if (think === false || knowsReasoning || hasEffort) return {};
  throw new RequestError(
    'not_available',
    'think is not available: this model does not support thinking.',
    'think',
  );
}

/** The reason that a request without a prompt ends for: Ollama loads the model or, told to keep it no longer, unloads it. */
export function idleReason({ keep_alive }: CommonFields): 'load' | 'unload' {
  return keep_alive != null && Number.parseFloat(String(keep_alive)) === 0 ? 'unload' : 'load';
}
