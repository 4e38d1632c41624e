import { z } from 'zod';
import {
  SAMPLING_PARAM_NAMES,
  type GenerateRequest,
  type RawSamplingParams,
  type RequestOrigin,
} from '../../tokenizer-manager';
import { NOT_AN_OBJECT } from '../body';
import { ROUTING_KEY } from '../http-metrics';
import { parseBody, type OtherFields } from '../fields';
import { withThinkingBudget } from '../request-fields/sampling-fields';
import {
  BOOKKEEPING,
  CACHE_FIELDS,
  handlingOf,
  extraKeyOf,
  ids,
  MEASUREMENT,
  RANK_FIELDS,
  strings,
  TRACE_FIELD,
  UNAVAILABLE,
} from './prompt-fields';
import { SESSION_FIELD, sessionOf } from './session-field';

/** A `/generate` body: the request, and what only its reply needs. */
export interface GenerateBody {
  readonly request: GenerateRequest;
  readonly returnTextInLogprobs: boolean;
}

const isBoolean = (value: unknown) => typeof value === 'boolean';
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** One value, or a list with one for each prompt; null and absent are the default. */
function oneOrEach<T>(is: (value: unknown) => boolean, what: string, type: string) {
  const fits = (value: unknown) => is(value) || (Array.isArray(value) && value.every(is));
  return z
    .custom<T | T[]>(fits, { error: `must be ${what} or a list of them` })
    .meta({ anyOf: [{ type }, { type: 'array', items: { type } }] })
    .nullish();
}

const flag = z.boolean({ error: 'must be true or false' }).nullish();
const text = z.string({ error: 'must be a string' }).nullish();

const OTHER: OtherFields = {
  ignored: ['model', 'conversation_id', 'session_id', ...BOOKKEEPING],
  unavailable: [
    ...UNAVAILABLE,
    'mm_hashes',
    'mm_content_hashes',
    'mm_data_mooncake',
    'video_config',
    'images_config',
    'image_max_dynamic_patch',
    'video_max_dynamic_patch',
    'need_wait_for_image',
    'need_wait_for_mm_inputs',
    'num_items_assigned',
    'encoder_urls',
    'return_hidden_states',
    'return_routed_experts',
    'routed_experts_start_len',
    'return_indexer_topk',
    'return_sampling_mask',
    'return_flat_raw_top_logprobs',
    'return_flat_raw_top_logprobs_b64',
    'return_prompt_token_ids',
    'return_bytes',
    'return_entropy',
    'custom_logit_processor',
    'bootstrap_host',
    'bootstrap_port',
    'bootstrap_room',
    'bootstrap_pair_key',
    'decode_tp_size',
    'disagg_prefill_dp_rank',
    'kv_router_hint',
  ],
  inside: { field: 'sampling_params', names: SAMPLING_PARAM_NAMES },
};

/** What a body is checked against. */
export const generateSchema = z.object(
  {
    text: strings,
    input_ids: ids,
    sampling_params: oneOrEach<RawSamplingParams>(isObject, 'an object', 'object'),
    rid: strings,
    return_logprob: oneOrEach<boolean>(isBoolean, 'true or false', 'boolean'),
    logprob_start_len: oneOrEach<number>(Number.isSafeInteger, 'an integer', 'integer'),
    top_logprobs_num: oneOrEach<number>(Number.isSafeInteger, 'an integer', 'integer'),
    token_ids_logprob: ids,
    return_text_in_logprobs: flag,
    stream: flag,
    background: flag,
    require_reasoning: flag,
    max_thinking_tokens: z.int({ error: 'must be an integer' }).nullish(),
    priority: z.int({ error: 'must be an integer' }).nullish(),
    routing_key: text,
    ...CACHE_FIELDS,
    no_logs: flag,
    ...MEASUREMENT,
    ...TRACE_FIELD,
    ...RANK_FIELDS,
    ...SESSION_FIELD,
  },
  { error: NOT_AN_OBJECT },
);

/**
 * Checks the fields of a `/generate` body and their types.
 * @throws RequestError as `parseBody`
 */
export function parseGenerateBody(value: unknown, origin: RequestOrigin): GenerateBody {
  const body = parseBody(generateSchema, value, OTHER);
  return {
    request: {
      text: body.text ?? null,
      inputIds: body.input_ids ?? null,
      addSpecialTokens: true,
      samplingParams: budgeted(body.sampling_params ?? {}, body.max_thinking_tokens ?? null),
      isGrammarLenient: false,
      thoughtsBefore: body.require_reasoning === true ? 'required' : 'none',
      begunLength: 0,
      rid: body.rid ?? null,
      returnLogprob: body.return_logprob ?? false,
      logprobStartLen: body.logprob_start_len ?? -1,
      topLogprobsNum: body.top_logprobs_num ?? 0,
      tokenIdsLogprob: body.token_ids_logprob ?? null,
      isScoring: false,
      stream: body.stream ?? false,
      background: body.background ?? false,
      priority: body.priority ?? null,
      routingKey: body.routing_key ?? origin.headers[ROUTING_KEY] ?? null,
      extraKey: extraKeyOf(body),
      session: sessionOf(body),
      ...handlingOf(body, origin),
    },
    returnTextInLogprobs: body.return_text_in_logprobs ?? false,
  };
}

function budgeted(
  params: RawSamplingParams | readonly RawSamplingParams[],
  budget: number | null,
): RawSamplingParams | readonly RawSamplingParams[] {
  return Array.isArray(params)
    ? params.map((own: RawSamplingParams) => withThinkingBudget(own, budget))
    : withThinkingBudget(params as RawSamplingParams, budget);
}
