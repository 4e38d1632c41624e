import type { Request, Response } from 'express';
import { z } from 'zod';
import type { AppDeps } from '../app-deps';
import { NOT_AN_OBJECT } from '../body';
import { speak } from '../dialect';
import { untilGone } from '../event-stream';
import { parseBody } from '../fields';
import { originOf } from '../origin';
import { ranked, relevanceOf } from '../rerank/relevance';
import { refuseBlank } from '../rerank/rerank';
import { truncateOf, truncationFields } from './truncation';
import { tei } from './dialect';

const flag = z.boolean({ error: 'must be true or false' }).nullish();

const schema = z.object(
  {
    query: z.string({ error: 'must be a string' }),
    texts: z.array(z.string({ error: 'must be a string' }), { error: 'must be a list of strings' }),
    raw_scores: flag,
    return_text: flag,
    ...truncationFields,
  },
  { error: NOT_AN_OBJECT },
);

/** Text Embeddings Inference's `/rerank`: texts by relevance, the most relevant first. */
export async function answerTei(deps: AppDeps, req: Request, res: Response): Promise<void> {
  speak(res, tei);
  const body = parseBody(schema, req.body);
  refuseBlank(body.query, body.texts);
  const request = {
    query: body.query,
    documents: body.texts,
    truncate: truncateOf(body),
    rid: null,
    instruct: null,
  };
  const found = await untilGone(res, (gone) =>
    relevanceOf(deps, { ...request, origin: originOf(req, res) }, gone),
  );
  if (found === null) return;
  res.json(
    ranked(found, null).map(({ index, score, probability }) => ({
      index,
      ...(body.return_text === true && { text: body.texts[index] }),
      score: body.raw_scores === true ? score : probability,
    })),
  );
}
