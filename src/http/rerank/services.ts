import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { speak } from '../dialect';
import { untilGone } from '../event-stream';
import { parseBody, type OtherFields } from '../fields';
import type { RouteDescription } from '../openapi/description';
import { originOf } from '../origin';
import type { RouteSpec } from '../route';
import { answerTei } from '../tei/rerank';
import { cohere } from './dialect';
import { rankingRefusal, ranked, relevanceOf, type Relevance } from './relevance';
import { refuseBlank, RERANK_EXAMPLE } from './rerank';

const isDocument = (value: unknown) =>
  typeof value === 'string' || typeof (value as { text?: unknown } | null)?.text === 'string';

const document = z
  .custom<string | { text: string }>(isDocument, { error: 'must be a string or an object with a text' })
  .meta({
    anyOf: [
      { type: 'string' },
      { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
    ],
  });

const schema = z.object(
  {
    query: z.string({ error: 'must be a string' }),
    documents: z.array(document, { error: 'must be a list of documents' }),
    model: z.string({ error: 'must be a string' }).nullish(),
    top_n: z.int({ error: 'must be an integer' }).min(1, { error: 'must be at least 1' }).nullish(),
    return_documents: z.boolean({ error: 'must be true or false' }).nullish(),
    max_tokens_per_doc: z
      .int({ error: 'must be an integer' })
      .min(1, { error: 'must be at least 1' })
      .nullish(),
    truncation: z.boolean({ error: 'must be true or false' }).nullish(),
  },
  { error: NOT_AN_OBJECT },
);

const OTHER: OtherFields = {
  ignored: ['priority', 'user', 'client_name'],
  unavailable: ['rank_fields', 'max_chunks_per_doc', 'return_embeddings'],
};

const ABOUT: RouteDescription = {
  area: 'Vectors and ranks',
  summary: "Documents by relevance, in the form of Cohere's API and of Jina's",
  body: schema,
  examples: { 'Two documents': { ...RERANK_EXAMPLE, top_n: 1 } },
};

/** `/v2/rerank` and `/rerank`, for the clients of Cohere, Jina and, at the second, Text Embeddings Inference. */
export function serviceRoutes(deps: AppDeps): RouteSpec[] {
  const common = { methods: ['post'], level: 'normal', body: 'any_type', dialect: cohere } as const;
  return [
    {
      ...common,
      path: '/v2/rerank',
      about: { ...ABOUT, refusal: rankingRefusal(deps) },
      handler: (req, res) => answer(deps, req, res),
    },
    {
      ...common,
      path: '/rerank',
      about: {
        ...ABOUT,
        refusal: rankingRefusal(deps),
        summary: `${ABOUT.summary}; a body with \`texts\` is answered in the form of Text Embeddings Inference`,
      },
      handler: (req, res) => (isTei(req.body) ? answerTei(deps, req, res) : answer(deps, req, res)),
    },
  ];
}

function isTei(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'texts' in body;
}

async function answer(deps: AppDeps, req: Request, res: Response): Promise<void> {
  speak(res, cohere);
  const body = parseBody(schema, req.body, OTHER);
  const documents = body.documents.map((item) => (typeof item === 'string' ? item : item.text));
  refuseBlank(body.query, documents);
  const { origin, model } = { origin: originOf(req, res), model: body.model ?? deps.manager.served.name };
  const found = await untilGone(res, async (gone) => {
    const shortened = await shorten(deps, documents, body.max_tokens_per_doc ?? null, gone);
    // These services cut what is too long, unless they are told otherwise.
    const truncate = body.truncation ?? true;
    return relevanceOf(
      deps,
      { query: body.query, documents: shortened, truncate, instruct: null, rid: null, origin },
      gone,
    );
  });
  if (found === null) return;
  const render = ({ index, probability }: Relevance) => ({
    index,
    relevance_score: probability,
    ...(body.return_documents === true && { document: { text: documents[index] } }),
  });
  res.json({
    id: randomUUID(),
    model,
    results: ranked(found, body.top_n ?? null).map(render),
    usage: { total_tokens: found.promptTokens },
    meta: { api_version: { version: '2' }, billed_units: { search_units: 1 } },
  });
}

/** Documents of at most so many tokens each. */
async function shorten(
  { manager }: AppDeps,
  documents: readonly string[],
  most: number | null,
  gone: AbortSignal,
): Promise<readonly string[]> {
  if (most === null) return documents;
  const cut: string[] = [];
  for (const text of documents) {
    const ids = await manager.tokenizeText(text, { addSpecialTokens: false }, gone);
    cut.push(ids.length <= most ? text : await manager.detokenizeIds(ids.slice(0, most), {}, gone));
  }
  if (cut.some((text) => text.trim() === '')) {
    throw new RequestError(
      'bad_value',
      'max_tokens_per_doc leaves nothing of a document.',
      'max_tokens_per_doc',
    );
  }
  return cut;
}
