import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { untilGone } from '../event-stream';
import { parseBody, type OtherFields } from '../fields';
import { metaInfoOf } from '../native/encode';
import { BOOKKEEPING, strings } from '../native/prompt-fields';
import type { RouteDescription } from '../openapi/description';
import { originOf } from '../origin';
import type { RouteSpec } from '../route';
import { textOf, texts } from './content';
import { rankingRefusal, ranked, relevanceOf, type Relevance } from './relevance';

const schema = z.object(
  {
    query: texts.text,
    documents: texts.list,
    instruct: z.string({ error: 'must be a string' }).nullish(),
    top_n: z.int({ error: 'must be an integer' }).min(1, { error: 'must be at least 1' }).nullish(),
    return_documents: z.boolean({ error: 'must be true or false' }).nullish(),
    rid: strings,
  },
  { error: NOT_AN_OBJECT },
);

const OTHER: OtherFields = {
  ignored: ['model', 'user', ...BOOKKEEPING],
  unavailable: ['lora_path', 'priority'],
};

export const RERANK_EXAMPLE = {
  model: 'default',
  query: 'what is panda?',
  documents: ['hi', 'The giant panda is a bear that lives in China.'],
};

const ABOUT: RouteDescription = {
  area: 'OpenAI',
  summary: 'Documents by how much they have to do with a query, the most relevant first',
  body: schema,
  examples: { 'Two documents': RERANK_EXAMPLE },
};

/** `/v1/rerank`, as SGLang has it: a bare list, with scores as the model gives them. */
export function rerankRoutes(deps: AppDeps): RouteSpec[] {
  const { weightVersion } = deps.args;
  return [
    {
      path: '/v1/rerank',
      methods: ['post', 'put'],
      level: 'normal',
      body: 'json_only',
      about: { ...ABOUT, refusal: rankingRefusal(deps) },
      async handler(req, res) {
        const body = parseBody(schema, req.body, OTHER);
        const query = textOf(body.query);
        const documents = body.documents.map(textOf);
        refuseBlank(query, documents);
        refuseInstruct(body.instruct ?? null, deps);
        const request = {
          query,
          documents,
          instruct: body.instruct ?? null,
          truncate: null,
          rid: body.rid ?? null,
          origin: originOf(req, res),
        };
        const found = await untilGone(res, (gone) => relevanceOf(deps, request, gone));
        if (found === null) return;
        const render = ({ index, score, result }: Relevance) => ({
          score,
          ...(body.return_documents !== false && { document: documents[index] }),
          index,
          meta_info: result && metaInfoOf(result, weightVersion),
        });
        res.json(ranked(found, body.top_n ?? null).map(render));
      },
    },
  ];
}

/** @throws RequestError `not_available` where the model cannot be told what is relevant */
function refuseInstruct(instruct: string | null, { facts }: AppDeps): void {
  if (instruct === null || instruct === '' || facts.kind === 'generation') return;
  throw new RequestError(
    'not_available',
    'instruct is not available for this model: it takes none.',
    'instruct',
  );
}

/** @throws RequestError `bad_value` in SGLang's words */
export function refuseBlank(query: string, documents: readonly string[]): void {
  if (query === '') refuse('Query cannot be empty', 'query');
  if (query.trim() === '') refuse('Query cannot be empty or whitespace only', 'query');
  if (documents.length === 0) refuse('Documents cannot be empty', 'documents');
  if (documents.includes('')) refuse('Each document must be a non-empty string', 'documents');
  if (documents.some((document) => document.trim() === '')) {
    refuse('Each document cannot be empty or whitespace only', 'documents');
  }
}

function refuse(message: string, param: string): never {
  throw new RequestError('bad_value', message, param);
}
