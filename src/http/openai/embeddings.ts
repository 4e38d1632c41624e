import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { isStringList } from '../../core/parse';
import { PLAIN_EMBED, type EmbedReply, type EmbedRequest, type RequestOrigin } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { untilGone } from '../event-stream';
import { parseBody, type OtherFields } from '../fields';
import {
  MEASUREMENT,
  RANK_FIELDS,
  VECTOR_FIELDS,
  dpRankOf,
  prompts,
  strings,
  type Prompts,
} from '../native/prompt-fields';
import type { RouteDescription } from '../openapi/description';
import { originOf } from '../origin';
import { OTHER_FIELDS } from '../request-fields/request-fields';
import type { RouteSpec } from '../route';

const embeddingSchema = z.object(
  {
    input: prompts,
    model: z.string({ error: 'must be a string' }).nullish(),
    encoding_format: z.string({ error: 'must be a string' }).nullish(),
    ...VECTOR_FIELDS,
    rid: strings,
    ...MEASUREMENT,
    ...RANK_FIELDS,
  },
  { error: NOT_AN_OBJECT },
);

const OTHER: OtherFields = {
  ...OTHER_FIELDS,
  unavailable: [...OTHER_FIELDS.unavailable, 'embed_overrides', 'embed_override_token_id'],
};

const EMBEDDINGS: RouteDescription = {
  area: 'OpenAI',
  summary: 'A vector for each text',
  body: embeddingSchema,
  examples: {
    'A text': { model: 'default', input: 'The capital of France is Paris.' },
    'Several texts, as bytes': {
      model: 'default',
      input: ['A cat sleeps.', 'A dog sleeps.'],
      encoding_format: 'base64',
    },
  },
  only: 'embedding',
};

type EmbeddingBody = z.output<typeof embeddingSchema>;

/** `/v1/embeddings`: a vector for each text. */
export function embeddingRoutes({ manager }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/v1/embeddings',
      methods: ['post'],
      level: 'normal',
      body: 'json_only',
      about: EMBEDDINGS,
      async handler(req, res) {
        const body = parseBody(embeddingSchema, req.body, OTHER);
        const encode = encoderOf(body.encoding_format ?? 'float');
        const request = requestOf(body, originOf(req, res));
        const reply = await untilGone(res, (gone) => manager.encode(request, gone));
        if (reply === null) return;
        const tokens = reply.results.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
        res.json({
          object: 'list',
          data: reply.results.map(({ vector }, index) => ({
            object: 'embedding',
            embedding: encode(vector),
            index,
          })),
          model: body.model ?? manager.served.name,
          usage: { prompt_tokens: tokens, total_tokens: tokens },
        });
      },
    },
  ];
}

function requestOf(body: EmbeddingBody, origin: RequestOrigin): EmbedRequest {
  return {
    ...PLAIN_EMBED,
    ...embedInput(body.input),
    dimensions: body.dimensions ?? null,
    promptName: body.prompt_name ?? null,
    rid: body.rid ?? null,
    dpRank: dpRankOf(body),
    logMetrics: body.log_metrics ?? true,
    customLabels: body.custom_labels ?? null,
    origin,
  };
}

/** @throws RequestError `bad_value` for an empty text or list */
export function embedInput(input: Prompts): Pick<EmbedRequest, 'text' | 'inputIds'> {
  if (input.length === 0) throw new RequestError('bad_value', 'Input cannot be empty', 'input');
  const isText = typeof input === 'string' || isStringList(input);
  return { text: isText ? input : null, inputIds: isText ? null : input };
}

type Vector = EmbedReply['results'][number]['vector'];

/** How a vector is told: as numbers, or as the bytes of little-endian float32, which OpenAI's client for Node asks for by itself. */
function encoderOf(format: string): (vector: Vector) => number[] | string {
  switch (format) {
    case 'float':
      return (vector) => Array.from(vector);
    case 'base64':
      return (vector) => {
        const bytes = Buffer.alloc(vector.length * Float32Array.BYTES_PER_ELEMENT);
        vector.forEach((value, i) => bytes.writeFloatLE(value, i * Float32Array.BYTES_PER_ELEMENT));
        return bytes.toString('base64');
      };
    default:
      throw new RequestError(
        'bad_value',
        `encoding_format must be either 'float' or 'base64', got '${format.slice(0, 64)}'`,
        'encoding_format',
      );
  }
}
