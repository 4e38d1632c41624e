import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { isIntegerList, isIntegerLists, isStringList, parseAs } from '../../core/parse';
import type { GenerateRequest, RawSamplingParams } from '../../tokenizer-manager';
import { NOT_AN_OBJECT } from '../body';

/** A `/generate` body: the request, and what only its reply needs. */
export interface GenerateBody {
  readonly request: GenerateRequest;
  readonly returnTextInLogprobs: boolean;
}

const isBoolean = (value: unknown) => typeof value === 'boolean';
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** One value, or a list with one for each prompt; null and absent are the default. */
function oneOrEach<T>(is: (value: unknown) => boolean, what: string) {
  const fits = (value: unknown) => is(value) || (Array.isArray(value) && value.every(is));
  return z.custom<T | T[]>(fits, { error: `must be ${what} or a list of them` }).nullish();
}

const flag = z.boolean({ error: 'must be true or false' }).nullish();
const text = z.string({ error: 'must be a string' }).nullish();
const strings = z
  .custom<string | string[]>((value) => typeof value === 'string' || isStringList(value), {
    error: 'must be a string or a list of strings',
  })
  .nullish();
const ids = z
  .custom<number[] | number[][]>((value) => isIntegerList(value) || isIntegerLists(value), {
    error: 'must be a list of integers or a list of lists of integers',
  })
  .nullish();

/** Fields of SGLang whose value must be one that asks for nothing: false, null, 0 or empty. */
const UNAVAILABLE = [
  'input_embeds',
  'image_data',
  'video_data',
  'audio_data',
  'modalities',
  'return_hidden_states',
  'return_routed_experts',
  'routed_experts_start_len',
  'session_params',
  'lora_path',
  'custom_logit_processor',
  'bootstrap_host',
  'bootstrap_port',
  'bootstrap_room',
  'bootstrap_pair_key',
  'decode_tp_size',
  'require_reasoning',
  'data_parallel_rank',
  'return_bytes',
  'return_entropy',
] as const;

const schema = z.object(
  {
    text: strings,
    input_ids: ids,
    sampling_params: oneOrEach<RawSamplingParams>(isObject, 'an object'),
    rid: strings,
    return_logprob: oneOrEach<boolean>(isBoolean, 'true or false'),
    logprob_start_len: oneOrEach<number>(Number.isSafeInteger, 'an integer'),
    top_logprobs_num: oneOrEach<number>(Number.isSafeInteger, 'an integer'),
    token_ids_logprob: ids,
    return_text_in_logprobs: flag,
    stream: flag,
    background: flag,
    priority: z.int({ error: 'must be an integer' }).nullish(),
    routing_key: text,
    extra_key: strings,
    no_logs: flag,
  },
  { error: NOT_AN_OBJECT },
);

/**
 * Checks the types of a `/generate` body. Unknown fields are ignored, as SGLang does.
 * @throws RequestError `bad_request` for a wrong type, `not_available` for a field that has no effect here
 */
export function parseGenerateBody(value: unknown): GenerateBody {
  const body = parseAs(schema, value);
  const given = new Map(Object.entries(value as object));
  const unavailable = UNAVAILABLE.find((name) => asksForSomething(given.get(name)));
  if (unavailable !== undefined) {
    throw new RequestError('not_available', `${unavailable} is not available on this server.`);
  }
  return {
    request: {
      text: body.text ?? null,
      inputIds: body.input_ids ?? null,
      samplingParams: body.sampling_params ?? {},
      rid: body.rid ?? null,
      returnLogprob: body.return_logprob ?? false,
      logprobStartLen: body.logprob_start_len ?? -1,
      topLogprobsNum: body.top_logprobs_num ?? 0,
      tokenIdsLogprob: body.token_ids_logprob ?? null,
      stream: body.stream ?? false,
      background: body.background ?? false,
      priority: body.priority ?? null,
      routingKey: body.routing_key ?? null,
      extraKey: body.extra_key ?? null,
      noLogs: body.no_logs ?? false,
    },
    returnTextInLogprobs: body.return_text_in_logprobs ?? false,
  };
}

function asksForSomething(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(asksForSomething);
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== '';
}
