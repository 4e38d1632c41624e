import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { PLAIN_EMBED, type EmbedRequest, type RequestOrigin } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { untilGone } from '../event-stream';
import { parseBody } from '../fields';
import { strings } from '../native/prompt-fields';
import { originOf } from '../origin';
import type { RouteSpec } from '../route';
import { nanoseconds } from './answer-lines';
import { commonFields, OTHER_FIELDS } from './common-fields';
import { modelFields, modelOf } from './model-name';
import { chatFieldsOf } from './options';

const { keep_alive, options } = commonFields;

const schema = z.object(
  {
    ...modelFields,
    input: strings,
    truncate: z.boolean({ error: 'must be true or false' }).nullish(),
    dimensions: z.int({ error: 'must be an integer' }).nullish(),
    keep_alive,
    options,
  },
  { error: NOT_AN_OBJECT },
);

const oldSchema = z.object(
  { ...modelFields, prompt: z.string({ error: 'must be a string' }).nullish(), keep_alive, options },
  { error: NOT_AN_OBJECT },
);

/** `/api/embed`: a vector for each text; `/api/embeddings`: for one. */
export function embedRoutes(deps: AppDeps): RouteSpec[] {
  const { facts } = deps;
  const common = { methods: ['post'], level: 'normal', body: 'any_type' } as const;
  return [
    {
      ...common,
      path: '/api/embed',
      about: {
        area: 'Ollama',
        summary: 'A vector for each text',
        body: schema,
        examples: { 'Several texts': { model: 'default', input: ['A cat sleeps.', 'A dog sleeps.'] } },
        only: 'embedding',
      },
      async handler(req, res) {
        const receivedAt = performance.now();
        const body = parseBody(schema, req.body, OTHER_FIELDS);
        const model = modelOf(body, deps.manager.served.name);
        chatFieldsOf(body.options, facts.contextLen);
        const texts = [body.input ?? []].flat();
        const isCut = body.truncate ?? true;
        const found = await untilGone(res, (gone) =>
          vectorsOf(deps, { texts, isCut, origin: originOf(req, res) }, gone),
        );
        if (found === null) return;
        res.json({
          model,
          embeddings: found.vectors.map((vector) => shortened(vector, body.dimensions ?? null)),
          total_duration: nanoseconds(performance.now() - receivedAt),
          load_duration: 0,
          prompt_eval_count: found.promptTokens,
        });
      },
    },
    {
      ...common,
      path: '/api/embeddings',
      about: {
        area: 'Ollama',
        summary: 'The vector of a text; /api/embed takes several',
        body: oldSchema,
        only: 'embedding',
        deprecated: true,
      },
      async handler(req, res) {
        const body = parseBody(oldSchema, req.body, OTHER_FIELDS);
        modelOf(body, deps.manager.served.name);
        const texts = [body.prompt ?? ''].filter((text) => text !== '');
        const found = await untilGone(res, (gone) =>
          vectorsOf(deps, { texts, isCut: true, origin: originOf(req, res) }, gone),
        );
        if (found !== null) res.json({ embedding: Array.from(found.vectors[0] ?? []) });
      },
    },
  ];
}

interface Texts {
  readonly texts: readonly string[];
  /** Whether texts are cut to what the model takes, else they are refused. */
  readonly isCut: boolean;
  readonly origin: RequestOrigin;
}

interface Vectors {
  readonly vectors: readonly ArrayLike<number>[];
  readonly promptTokens: number;
}

async function vectorsOf(
  deps: AppDeps,
  { texts, isCut, origin }: Texts,
  gone: AbortSignal,
): Promise<Vectors> {
  if (texts.length === 0 && deps.facts.kind === 'embedding') return { vectors: [], promptTokens: 0 };
  const request: EmbedRequest = { ...PLAIN_EMBED, text: texts, truncate: isCut, origin };
  const { results, promptTokens } = await deps.manager.encode(request, gone);
  return { vectors: results.map(({ vector }) => vector), promptTokens };
}

/** The first numbers of a vector, at length 1 again. */
function shortened(vector: ArrayLike<number>, dimensions: number | null): number[] {
  const all = Array.from(vector);
  if (dimensions === null || dimensions === all.length) return all;
  if (dimensions < 1 || dimensions > all.length) {
    throw new RequestError(
      'bad_value',
      `dimensions must be from 1 to ${all.length}, got ${dimensions}.`,
      'dimensions',
    );
  }
  const kept = all.slice(0, dimensions);
  const norm = Math.hypot(...kept);
  return norm === 0 ? kept : kept.map((value) => value / norm);
}
