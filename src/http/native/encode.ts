import { z } from 'zod';
import type { FinishReason } from '../../core/request';
import { PLAIN_EMBED, type EmbedReply, type EmbedRequest, type RequestOrigin } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { isStringList } from '../../core/parse';
import { NOT_AN_OBJECT } from '../body';
import { parseBody, type OtherFields } from '../fields';
import {
  BOOKKEEPING,
  handlingOf,
  ids,
  MEASUREMENT,
  RANK_FIELDS,
  strings,
  TRACE_FIELD,
  UNAVAILABLE,
  VECTOR_FIELDS,
} from './prompt-fields';
import { originOf } from '../origin';
import type { RouteDescription } from '../openapi/description';
import type { RouteSpec } from '../route';
import { untilGone } from '../event-stream';

const isTexts = (value: unknown) =>
  typeof value === 'string' || (Array.isArray(value) && value.every(isTextOrPair));

/** A text or several; for models that judge two texts together also lists of pairs. */
const texts = z
  .custom<string | (string | [string, string])[]>(isTexts, {
    error: 'must be a string, a list of strings or a list of pairs of strings',
  })
  .meta({
    anyOf: [
      { type: 'string' },
      {
        type: 'array',
        items: {
          anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 2 }],
        },
      },
    ],
  })
  .nullish();

function isTextOrPair(value: unknown): boolean {
  return typeof value === 'string' || (isStringList(value) && value.length === 2);
}

const schema = z.object(
  {
    text: texts,
    input_ids: ids,
    ...VECTOR_FIELDS,
    rid: strings,
    no_logs: z.boolean({ error: 'must be true or false' }).nullish(),
    ...MEASUREMENT,
    ...TRACE_FIELD,
    ...RANK_FIELDS,
  },
  { error: NOT_AN_OBJECT },
);

const OTHER: OtherFields = {
  // Pairs are known by their form.
  ignored: ['model', 'sampling_params', 'is_cross_encoder_request', ...BOOKKEEPING],
  unavailable: [
    ...UNAVAILABLE,
    'embed_override_token_id',
    'embed_overrides',
    'priority',
    'routing_key',
    'background',
    'return_pooled_hidden_states',
  ],
};

const ENCODE: RouteDescription = {
  area: 'Native',
  summary: 'A vector for each text',
  body: schema,
  examples: {
    'A text': { text: 'The capital of France is Paris.' },
    'Several texts': { text: ['A cat sleeps.', 'A dog sleeps.'] },
  },
  only: 'embedding',
};

/** `/encode`: a vector for each text; `/classify`: the same, as one says it of scores. */
export function encodeRoutes({ manager }: AppDeps): RouteSpec[] {
  const common = {
    methods: ['post', 'put'],
    level: 'normal',
    body: 'json',
    async handler(req, res) {
      const request = parseEncodeBody(req.body, originOf(req, res));
      const reply = await untilGone(res, (gone) => manager.encode(request, gone));
      if (reply !== null) res.json(renderVectors(reply, manager.served.weightVersion));
    },
  } as const satisfies Omit<RouteSpec, 'path'>;
  return [
    { ...common, path: '/encode', about: ENCODE },
    {
      ...common,
      path: '/classify',
      about: { ...ENCODE, summary: 'Scores of a reward model or classifier for each text, in `embedding`' },
    },
  ];
}

/** @throws RequestError as `parseBody` */
export function parseEncodeBody(value: unknown, origin: RequestOrigin): EmbedRequest {
  const body = parseBody(schema, value, OTHER);
  return {
    ...PLAIN_EMBED,
    text: body.text ?? null,
    inputIds: body.input_ids ?? null,
    dimensions: body.dimensions ?? null,
    promptName: body.prompt_name ?? null,
    rid: body.rid ?? null,
    ...handlingOf(body, origin),
  };
}

/** What `/encode` says of one prompt. */
export interface EncodeReply {
  /** A vector, or a classifier's scores. */
  readonly embedding: readonly number[];
  readonly meta_info: {
    readonly id: string;
    readonly finish_reason: FinishReason;
    readonly prompt_tokens: number;
    readonly weight_version: string;
    readonly total_retractions: number;
    /** Seconds. */
    readonly e2e_latency: number;
    /** Seconds since 1970. */
    readonly response_sent_to_client_ts: number;
  };
}

/** The reply of `/encode`: one vector, or a list of them. */
export function renderVectors(
  { results, isBatch }: EmbedReply,
  weightVersion: string,
): EncodeReply | EncodeReply[] {
  const rendered = results.map((result): EncodeReply => ({
    embedding: Array.from(result.vector),
    meta_info: metaInfoOf(result, weightVersion),
  }));
  return isBatch ? rendered : (rendered[0] as EncodeReply);
}

export function metaInfoOf(
  { rid, promptTokens, finish, e2eLatency }: EmbedReply['results'][number],
  weightVersion: string,
): EncodeReply['meta_info'] {
  return {
    id: rid,
    finish_reason: finish,
    prompt_tokens: promptTokens,
    weight_version: weightVersion,
    total_retractions: 0,
    e2e_latency: e2eLatency,
    response_sent_to_client_ts: Date.now() / 1000,
  };
}
