import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { PLAIN_EMBED, type EmbedRequest, type RequestOrigin } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { untilGone } from '../event-stream';
import { parseBody } from '../fields';
import { prompts, textsOrIds, VECTOR_FIELDS } from '../native/prompt-fields';
import { originOf } from '../origin';
import type { RouteSpec } from '../route';
import { tei } from './dialect';
import { cutAtOf, truncationFields } from './truncation';

const schema = z.object(
  {
    inputs: prompts,
    normalize: z.boolean({ error: 'must be true or false' }).nullish(),
    ...VECTOR_FIELDS,
    ...truncationFields,
    truncation_direction: z
      .string({ error: 'must be a string' })
      .meta({ enum: ['Right', 'right', 'Left', 'left'] })
      .nullish(),
  },
  { error: NOT_AN_OBJECT },
);

/** `/embed` of Text Embeddings Inference: a bare list of vectors, also for one text. */
export function embedRoutes({ manager, facts }: AppDeps): RouteSpec[] {
  return [
    {
      path: '/embed',
      methods: ['post'],
      level: 'normal',
      body: 'any_type',
      dialect: tei,
      about: {
        area: 'Vectors and ranks',
        summary: 'A vector for each text, in the form of Text Embeddings Inference',
        body: schema,
        examples: { 'Several texts': { inputs: ['A cat sleeps.', 'A dog sleeps.'] } },
        only: 'embedding',
      },
      async handler(req, res) {
        const body = parseBody(schema, req.body);
        if (facts.labels !== null) {
          throw new RequestError(
            'not_available',
            'This model gives scores, not vectors: ask /predict or /rerank.',
          );
        }
        const request = requestOf(body, originOf(req, res));
        const reply = await untilGone(res, (gone) => manager.encode(request, gone));
        if (reply !== null) res.json(reply.results.map(({ vector }) => Array.from(vector)));
      },
    },
  ];
}

function requestOf(body: z.output<typeof schema>, origin: RequestOrigin): EmbedRequest {
  const { inputs } = body;
  if (Array.isArray(inputs) && inputs.length === 0) {
    throw new RequestError('bad_value', 'inputs cannot be empty', 'inputs');
  }
  return {
    ...PLAIN_EMBED,
    ...textsOrIds(inputs),
    truncate: body.truncate ?? null,
    cutAt: cutAtOf(body.truncation_direction ?? 'Right'),
    promptName: body.prompt_name ?? null,
    dimensions: body.dimensions ?? null,
    normalize: body.normalize ?? true,
    origin,
  };
}
