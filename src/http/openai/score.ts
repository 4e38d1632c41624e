import { z } from 'zod';
import { isIntegerList, isIntegerLists, isStringList } from '../../core/parse';
import type { RequestOrigin, ScoreRequest } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { untilGone } from '../event-stream';
import { parseBody, type OtherFields } from '../fields';
import { ROUTING_KEY } from '../http-metrics';
import {
  CACHE_FIELDS,
  handlingOf,
  extraKeyOf,
  MEASUREMENT,
  RANK_FIELDS,
  strings,
  TRACE_FIELD,
} from '../native/prompt-fields';
import type { RouteDescription } from '../openapi/description';
import { originOf } from '../origin';
import { OTHER_FIELDS, refuseAdapter } from '../request-fields/request-fields';
import type { RouteSpec } from '../route';

const IDS = { type: 'array', items: { type: 'integer' } } as const;
const boolean = z.boolean({ error: 'must be true or false' }).nullish();

const scoreSchema = z.object(
  {
    model: z.string({ error: 'must be a string' }).nullish(),
    query: z
      .custom<string | number[]>((value) => typeof value === 'string' || isIntegerList(value), {
        error: 'must be a string or a list of integers',
      })
      .meta({ anyOf: [{ type: 'string' }, IDS] })
      .nullish(),
    items: z
      .custom<string | string[] | number[][]>(
        (value) => typeof value === 'string' || isStringList(value) || isIntegerLists(value),
        { error: 'must be a string, a list of strings or a list of lists of integers' },
      )
      .meta({
        anyOf: [
          { type: 'string' },
          { type: 'array', items: { type: 'string' } },
          { type: 'array', items: IDS },
        ],
      })
      .nullish(),
    label_token_ids: z
      .custom<number[]>(isIntegerList, { error: 'must be a list of integers' })
      .meta(IDS)
      .nullish(),
    apply_softmax: boolean,
    item_first: boolean,
    rid: strings,
    priority: z.int({ error: 'must be an integer' }).nullish(),
    no_logs: boolean,
    ...CACHE_FIELDS,
    ...MEASUREMENT,
    ...TRACE_FIELD,
    ...RANK_FIELDS,
  },
  { error: NOT_AN_OBJECT },
);

const OTHER: OtherFields = {
  ...OTHER_FIELDS,
  unavailable: [
    ...OTHER_FIELDS.unavailable,
    'embed_overrides',
    'embed_override_token_id',
    'return_pooled_hidden_states',
  ],
};

const SCORE: RouteDescription = {
  area: 'OpenAI',
  summary: 'How likely each of some tokens is after a query with each of several items',
  body: scoreSchema,
  examples: {
    'Several items': {
      model: 'default',
      query: 'The capital of France is',
      items: [' Paris', ' London', ' Berlin'],
      label_token_ids: [1, 2],
      apply_softmax: true,
    },
    'Token ids': { model: 'default', query: [1, 2, 3], items: [[4], [5, 6]], label_token_ids: [7, 8] },
  },
};

/** `/v1/score`: probabilities of the token that comes next, without drawing it. */
export function scoreRoutes({ args, facts, manager }: AppDeps): RouteSpec[] {
  const givesVectors = facts.kind === 'embedding' && facts.labels === null;
  const refusal = givesVectors ? 'This server gives vectors (--is-embedding).' : null;
  return [
    {
      path: '/v1/score',
      methods: ['post'],
      level: 'normal',
      body: 'json_only',
      about: { ...SCORE, refusal },
      async handler(req, res) {
        const { request, model } = parseScoreBody(req.body, originOf(req, res));
        const reply = await untilGone(res, (gone) => manager.score(request, gone));
        if (reply === null) return;
        const { scores, promptTokens, cachedTokens } = reply;
        const cached = args.enableCacheReport && cachedTokens > 0 ? { cached_tokens: cachedTokens } : null;
        res.json({
          scores,
          model: model ?? manager.served.name,
          usage: {
            prompt_tokens: promptTokens,
            total_tokens: promptTokens,
            completion_tokens: 0,
            prompt_tokens_details: cached,
          },
          object: 'scoring',
        });
      },
    },
  ];
}

/**
 * @returns the request, and the model as the client calls it
 * @throws RequestError as `parseBody`
 */
export function parseScoreBody(
  value: unknown,
  origin: RequestOrigin,
): { readonly request: ScoreRequest; readonly model: string | null } {
  const body = parseBody(scoreSchema, value, OTHER);
  refuseAdapter(body);
  return {
    request: {
      query: body.query ?? null,
      items: body.items ?? null,
      labelTokenIds: body.label_token_ids ?? null,
      applySoftmax: body.apply_softmax ?? false,
      itemFirst: body.item_first ?? false,
      common: {
        rid: body.rid ?? null,
        priority: body.priority ?? null,
        routingKey: origin.headers[ROUTING_KEY] ?? null,
        extraKey: extraKeyOf(body),
        ...handlingOf(body, origin),
      },
    },
    model: body.model ?? null,
  };
}
