import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { NOT_AN_OBJECT } from '../body';
import { parseBody, type OtherFields } from '../fields';
import { OTHER_FIELDS } from '../request-fields/request-fields';

const string = z.string({ error: 'must be a string' });
const text = string.nullish();
const boolean = z.boolean({ error: 'must be true or false' }).nullish();
const number = z.number({ error: 'must be a number' }).nullish();
const integer = z.int({ error: 'must be an integer' }).nullish();

/** What is fed to the model, piece by piece. A message may leave its type out. */
const itemSchema = z.looseObject({ type: text }, { error: 'must be an object' });
export type InputItem = z.output<typeof itemSchema>;

/** Kinds of tools that clients of hosted models send; only functions reach the model. */
const TOOL_TYPES = [
  'function',
  'web_search',
  'web_search_preview',
  'code_interpreter',
  'file_search',
  'image_generation',
  'computer_use_preview',
  'local_shell',
  'mcp',
  'custom',
  'namespace',
  'tool_search',
] as const;

const toolSchema = z.looseObject(
  { type: z.enum(TOOL_TYPES, { error: `must be one of ${TOOL_TYPES.join(', ')}` }), name: text },
  { error: 'must be an object with a type' },
);

/** A body of `/v1/responses`. */
export const responseSchema = z.object(
  {
    input: z.union([string, z.array(itemSchema)], { error: 'must be a string or a list of items' }),
    model: text,
    instructions: text,
    max_output_tokens: z
      .int({ error: 'must be an integer' })
      .min(1, { error: 'must be at least 1' })
      .nullish(),
    previous_response_id: text,
    store: boolean,
    stream: boolean,
    background: boolean,
    tools: z.array(toolSchema, { error: 'must be a list of tools' }).nullish(),
    tool_choice: z
      .union([z.enum(['auto', 'required', 'none']), z.looseObject({ type: string })], {
        error: 'must be auto, required, none or an object with a type',
      })
      .nullish(),
    text: z
      .looseObject(
        { format: z.looseObject({ type: string }, { error: 'must be an object with a type' }).nullish() },
        { error: 'must be an object' },
      )
      .nullish(),
    reasoning: z
      .looseObject({ effort: text, summary: text }, { error: 'must be an object with effort or summary' })
      .nullish(),
    include: z.array(string, { error: 'must be a list of strings' }).nullish(),
    temperature: number,
    top_p: number,
    top_logprobs: integer,
    truncation: z.enum(['auto', 'disabled'], { error: 'must be auto or disabled' }).nullish(),
    parallel_tool_calls: boolean,
    metadata: z.record(z.string(), z.unknown(), { error: 'must be an object' }).nullish(),
    user: text,
    chat_template_kwargs: z.record(z.string(), z.unknown(), { error: 'must be an object' }).nullish(),
    request_id: text,
    priority: integer,
    extra_key: text,
    cache_salt: text,
    stop: z.union([string, z.array(string)], { error: 'must be a string or a list of strings' }).nullish(),
    top_k: integer,
    min_p: number,
    repetition_penalty: number,
    frequency_penalty: number,
    presence_penalty: number,
    thinking_budget: integer,
  },
  { error: NOT_AN_OBJECT },
);

export type ResponseRequest = z.output<typeof responseSchema>;

const OTHER: OtherFields = {
  ...OTHER_FIELDS,
  ignored: [...OTHER_FIELDS.ignored, 'max_tool_calls', 'stream_options', 'client_metadata'],
  unavailable: [...OTHER_FIELDS.unavailable, 'conversation', 'prompt', 'context_management', 'session_id'],
};

const LOGPROBS = 'message.output_text.logprobs';

/** @throws RequestError for fields that are wrong, or do not go together */
export function readRequest(body: unknown): ResponseRequest {
  const request = parseBody(responseSchema, body, OTHER);
  if (wantsLogprobs(request) && request.stream === true) {
    refuse('logprobs are not supported in streaming mode', 'include');
  }
  if (request.background === true && request.store === false) {
    refuse('background needs store: nobody could ask for the response otherwise.', 'background');
  }
  if (request.background === true && request.stream === true) {
    refuse('background and stream cannot be combined.', 'background');
  }
  const nameless = (request.tools ?? []).some(({ type, name }) => type === 'function' && !name);
  if (nameless) refuse('Function tools must include a name.', 'tools');
  if (request.tool_choice === 'required' && !(request.tools ?? []).some(({ type }) => type === 'function')) {
    refuse('tool_choice="required" requires at least one tool with type="function".', 'tool_choice');
  }
  if (request.request_id != null) checkId(request.request_id, 'request_id');
  if (request.previous_response_id != null) checkId(request.previous_response_id, 'previous_response_id');
  return request;
}

export function wantsLogprobs({ include, top_logprobs }: ResponseRequest): boolean {
  return (include ?? []).includes(LOGPROBS) || (top_logprobs ?? 0) > 0;
}

/** @throws RequestError for what cannot be the name of a response */
export function checkId(id: string, param: string): void {
  if (id.startsWith('resp')) return;
  refuse(`Invalid '${param}': '${id.slice(0, 64)}'. Expected an ID that begins with 'resp'.`, param);
}

function refuse(message: string, param: string): never {
  throw new RequestError('bad_value', message, param);
}
