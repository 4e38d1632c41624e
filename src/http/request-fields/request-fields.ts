import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { OtherFields } from '../fields';
import { grammarFields, readGrammarFields, type RequestedGrammar } from './grammar-fields';
import type { GenerateRequest, RequestOrigin } from '../../tokenizer-manager';
import { ROUTING_KEY } from '../http-metrics';
import {
  BOOKKEEPING,
  CACHE_FIELDS,
  handlingOf,
  extraKeyOf,
  MEASUREMENT,
  RANK_FIELDS,
  strings,
  TRACE_FIELD,
  UNAVAILABLE,
} from '../native/prompt-fields';
import { SESSION_FIELD, sessionOf } from '../native/session-field';

const boolean = z.boolean({ error: 'must be true or false' }).nullish();

/** What completions and chat completions have in common besides sampling. */
export const requestFields = {
  model: z.string({ error: 'must be a string' }).nullish(),
  stream: boolean,
  stream_options: z
    .object(
      { include_usage: boolean, continuous_usage_stats: boolean },
      { error: 'must be an object with include_usage and continuous_usage_stats' },
    )
    .nullish(),
  ...grammarFields,
  rid: strings,
  ...CACHE_FIELDS,
  priority: z.int({ error: 'must be an integer' }).nullish(),
  no_logs: boolean,
  ...MEASUREMENT,
  ...TRACE_FIELD,
  ...RANK_FIELDS,
  ...SESSION_FIELD,
};

export type RequestFields = z.output<z.ZodObject<typeof requestFields>>;

/**
 * Fields of OpenAI's API that change nothing about an answer here, features that this server does not have, and room for what
 * clients add of their own.
 */
export const OTHER_FIELDS: OtherFields & { readonly ignored: string[]; readonly unavailable: string[] } = {
  lenient: true,
  ignored: [
    ...BOOKKEEPING,
    'user',
    'session_id',
    'metadata',
    'store',
    'service_tier',
    'safety_identifier',
    'prompt_cache_key',
    'prompt_cache_retention',
    'prediction',
  ],
  unavailable: [
    ...UNAVAILABLE,
    'structural_tag',
    'custom_logit_processor',
    'return_hidden_states',
    'return_routed_experts',
    'return_cached_tokens_details',
    'return_token_ids',
    'return_prompt_token_ids',
    'return_meta_info',
    'bootstrap_host',
    'bootstrap_port',
    'bootstrap_room',
  ],
};

/** @throws RequestError for a model with an adapter behind its name */
export function refuseAdapter({ model }: Pick<RequestFields, 'model'>): void {
  const adapter = model?.split(/:(.*)/s)[1]?.trim() ?? '';
  if (adapter !== '') {
    throw new RequestError(
      'bad_value',
      `LoRA adapter '${adapter}' was requested, but LoRA is not enabled. Please launch the server with --enable-lora flag and ` +
        'preload adapters using --lora-paths or /load_lora_adapter endpoint.',
      'model',
    );
  }
}

/** What a request says in these fields. */
export interface CommonRequest {
  readonly request: Pick<
    GenerateRequest,
    | 'rid'
    | 'stream'
    | 'priority'
    | 'routingKey'
    | 'extraKey'
    | 'dpRank'
    | 'session'
    | 'noLogs'
    | 'logMetrics'
    | 'customLabels'
    | 'origin'
    | 'isGrammarLenient'
  >;
  /** The name under which all of its prompts and samples can be aborted. */
  readonly id: string;
  /** What the answer must look like. */
  readonly grammar: RequestedGrammar;
  /** As the client calls it; null where it says nothing. */
  readonly model: string | null;
  readonly streamOptions: { readonly includeUsage: boolean; readonly continuousUsage: boolean };
}

/** @throws RequestError for what this server cannot do */
export function readRequestFields(body: RequestFields, origin: RequestOrigin): CommonRequest {
  refuseAdapter(body);
  const grammar = readGrammarFields(body);
  const rid = body.rid ?? randomUUID().replaceAll('-', '');
  const { include_usage, continuous_usage_stats } = body.stream_options ?? {};
  return {
    request: {
      rid,
      isGrammarLenient: grammar.isLenient,
      stream: body.stream ?? false,
      priority: body.priority ?? null,
      routingKey: origin.headers[ROUTING_KEY] ?? null,
      extraKey: extraKeyOf(body),
      session: sessionOf(body),
      ...handlingOf(body, origin),
    },
    id: typeof rid === 'string' ? rid : (rid[0] ?? ''),
    grammar,
    model: body.model ?? null,
    streamOptions: { includeUsage: include_usage ?? false, continuousUsage: continuous_usage_stats ?? false },
  };
}
