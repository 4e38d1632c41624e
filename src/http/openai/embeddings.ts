import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { EmbedReply } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { untilGone } from '../event-stream';
import { parseBody, type OtherFields } from '../fields';
import { VECTOR_FIELDS } from '../native/prompt-fields';
import type { RouteDescription } from '../openapi/description';
import { originOf } from '../origin';
import { OTHER_FIELDS } from '../request-fields/request-fields';
import type { RouteSpec } from '../route';
import { embedFields, embedRequestOf } from './embed-fields';

const embeddingSchema = z.object(
  {
    ...embedFields,
    ...VECTOR_FIELDS,
    encoding_format: z.string({ error: 'must be a string' }).nullish(),
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
        const request = {
          ...embedRequestOf(body, originOf(req, res)),
          dimensions: body.dimensions ?? null,
          promptName: body.prompt_name ?? null,
        };
        const reply = await untilGone(res, (gone) => manager.encode(request, gone));
        if (reply === null) return;
        const tokens = reply.promptTokens;
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

type Vector = EmbedReply['results'][number]['vector'];

/** How a vector is told: as numbers, or as the bytes of little-endian float32, which OpenAI's client for Node asks for by itself. */
function encoderOf(format: string): (vector: Vector) => number[] | string {
  switch (format) {
    case 'float':
      return (vector) => Array.from(vector);
    case 'base64':
      // Little-endian is every machine that Node and ONNX Runtime both run on.
      return ({ buffer, byteOffset, byteLength }) =>
        Buffer.from(buffer, byteOffset, byteLength).toString('base64');
    default:
      throw new RequestError(
        'bad_value',
        `encoding_format must be either 'float' or 'base64', got '${format.slice(0, 64)}'`,
        'encoding_format',
      );
  }
}
