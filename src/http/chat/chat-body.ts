import { z } from 'zod';
import { RequestError } from '../../core/errors';
import {
  DEFAULT_GENERATE_REQUEST,
  type GenerateRequest,
  type RawSamplingParams,
  type RequestOrigin,
} from '../../tokenizer-manager';
import type { ChatTemplate, Conversation } from '../../chat-template';
import type { CallForm } from '../../tool-calls/call-forms/call-form';
import { NOT_AN_OBJECT } from '../body';
import { parseBody, type OtherFields } from '../fields';
import { messageSchema, readMessages } from './chat-messages';
import {
  OTHER_FIELDS,
  readRequestFields,
  requestFields,
  type CommonRequest,
} from '../request-fields/request-fields';
import { callGrammar } from './call-grammar';
import { THINKING_SWITCHES } from './thinking-switches';
import { readTools, readWish, toolFields } from './tools';
import { maxTokensOf, samplingFields, samplingParamsOf } from '../request-fields/sampling-fields';

const integer = z.int({ error: 'must be an integer' }).nullish();
const text = z.string({ error: 'must be a string' }).nullish();
const boolean = z.boolean({ error: 'must be true or false' }).nullish();

/** What both the answer and its prompt alone (`/v1/tokenize`) are asked by. */
export const promptFields = {
  messages: z.array(messageSchema, { error: 'must be a list of messages' }),
  continue_final_message: boolean,
  chat_template_kwargs: z.record(z.string(), z.unknown(), { error: 'must be an object' }).nullish(),
  reasoning_effort: z
    .union([z.string(), z.number().min(0).max(0.99)], {
      error: 'must be a word such as low, medium or high, or a number from 0 to 0.99',
    })
    .nullish(),
  reasoning: z
    .object(
      { effort: z.string().nullish(), enabled: boolean },
      { error: 'must be an object with effort or enabled' },
    )
    .nullish(),
  ...toolFields,
};

/** What a body is checked against. */
export const chatSchema = z.object(
  {
    ...promptFields,
    ...requestFields,
    ...samplingFields,
    rid: text,
    extra_key: text,
    max_tokens: integer,
    max_completion_tokens: integer,
    logprobs: boolean,
    separate_reasoning: boolean,
    stream_reasoning: boolean,
    top_logprobs: integer,
  },
  { error: NOT_AN_OBJECT },
);

const OTHER: OtherFields = {
  ...OTHER_FIELDS,
  ignored: [...OTHER_FIELDS.ignored, 'function_call', 'verbosity'],
  unavailable: [
    ...OTHER_FIELDS.unavailable,
    'functions',
    'audio',
    'modalities',
    'web_search_options',
    'chat_template',
    'documents',
    'input_ids',
  ],
};

type PromptFields = z.output<z.ZodObject<typeof promptFields>>;

/** A request for an answer, and what only its reply needs. */
export interface ChatBody extends CommonRequest {
  /** Without its prompt. */
  readonly request: GenerateRequest;
  readonly conversation: Conversation;
  readonly n: number;
  /** Whether a grammar has the model write calls as SGLang's JSON list. */
  readonly callsAreList: boolean;
  /** Whether a grammar holds the whole answer, after thoughts that come before it. */
  readonly isHeld: boolean;
  readonly separatesReasoning: boolean;
  readonly streamsReasoning: boolean;
}

export interface ChatLimits {
  /** Of sampling parameters that the request leaves out. */
  readonly defaults: RawSamplingParams;
  /** `--context-length`, where the operator set it. */
  readonly contextLength: number | null;
  readonly chat: ChatTemplate;
  /** How a grammar describes the model's own calls; null where none can. */
  readonly callForm: CallForm | null;
}

/** @throws RequestError */
export function parseChatBody(value: unknown, origin: RequestOrigin, limits: ChatLimits): ChatBody {
  const body = parseBody(chatSchema, value, OTHER);
  const common = readRequestFields(body, origin);
  const conversation = readConversation(body, limits.chat);
  const hasGrammar = Object.keys(common.grammar.params).length > 0;
  const calls = callGrammar(readWish(body, conversation.tools ?? []), limits.callForm);
  if (calls?.isForced && hasGrammar) {
    throw new RequestError(
      'bad_value',
      "tool_choice 'required' or a named tool cannot be combined with response_format, regex, or ebnf: both say what the answer " +
        'must look like.',
      'tool_choice',
    );
  }
  // Of calls that only might come, and a form that the answer must have, the form wins.
  const grammar = calls === null || hasGrammar ? common.grammar : calls;
  const logprobs = body.logprobs ?? false;
  if (body.top_logprobs != null && body.top_logprobs > 0 && !logprobs) {
    throw new RequestError('bad_value', 'top_logprobs needs logprobs to be true.', 'top_logprobs');
  }
  return {
    ...common,
    grammar,
    request: {
      ...DEFAULT_GENERATE_REQUEST,
      ...common.request,
      isGrammarLenient: grammar.isLenient,
      samplingParams: {
        ...limits.defaults,
        ...samplingParamsOf(body),
        ...grammar.params,
        max_new_tokens: maxNewTokens(body, limits),
      },
      addSpecialTokens: false,
      returnLogprob: logprobs,
      topLogprobsNum: body.top_logprobs ?? 0,
    },
    conversation,
    n: body.n ?? 1,
    callsAreList: calls?.isList ?? false,
    // Where calls only might come, the grammar leaves room for thoughts.
    isHeld: hasGrammar || calls?.isForced === true,
    // A parser of calls is not to look for them in thoughts.
    separatesReasoning: (body.separate_reasoning ?? true) || calls?.isForced === true,
    streamsReasoning: body.stream_reasoning ?? true,
  };
}

/** What the template is asked for. @throws RequestError for what no template here can do */
export function readConversation(body: PromptFields, chat: ChatTemplate): Conversation {
  return {
    messages: readMessages(body.messages),
    tools: readTools(body),
    continueFinalMessage: body.continue_final_message ?? false,
    variables: { ...reasoningVariables(body, chat), ...body.chat_template_kwargs },
  };
}

/** How much thought is asked for, as variables that the template looks at. */
function reasoningVariables(
  { reasoning_effort, reasoning }: PromptFields,
  chat: ChatTemplate,
): Readonly<Record<string, unknown>> {
  const effort = reasoning_effort ?? reasoning?.effort ?? (reasoning?.enabled === false ? 'none' : null);
  const isOn = reasoning?.enabled ?? (effort === null ? null : effort !== 'none');
  if (isOn === null) return {};
  const names = [...(effort === null ? [] : ['reasoning_effort']), ...THINKING_SWITCHES].filter((name) =>
    chat.reads(name),
  );
  if (names.length > 0) {
    return Object.fromEntries(names.map((name) => [name, name === 'reasoning_effort' ? effort : isOn]));
  }
  const name = reasoning_effort == null ? 'reasoning' : 'reasoning_effort';
  throw new RequestError(
    'not_available',
    `${name} is not available: the chat template of this model does not look at it.`,
    name,
  );
}

/** @returns null for as many as the context has room for */
function maxNewTokens(
  { max_completion_tokens, max_tokens }: z.output<typeof chatSchema>,
  { contextLength, defaults }: ChatLimits,
): number | null {
  const wanted =
    maxTokensOf('max_completion_tokens', max_completion_tokens) ?? maxTokensOf('max_tokens', max_tokens);
  if (wanted !== null && contextLength !== null && wanted > contextLength) {
    throw new RequestError(
      'bad_value',
      `max_completion_tokens is too large: ${wanted}.This model supports at most ${contextLength} completion tokens.`,
      'max_completion_tokens',
    );
  }
  return wanted ?? (defaults['max_new_tokens'] as number | undefined) ?? null;
}
