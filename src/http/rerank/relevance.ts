import { PLAIN_EMBED, type EmbedReply, type RequestOrigin } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { asProbability, labelsOf } from '../scores';
import { refuseWithoutGeneration, yesNoRelevance, yesNoTemplate } from './yes-no';

/** What documents are judged by, in every API that asks for it. */
export interface RelevanceRequest {
  readonly query: string;
  readonly documents: readonly string[];
  /** What a document has to do with a query, for models that are told; null leaves it to the template. */
  readonly instruct: string | null;
  /** See `EmbedRequest.truncate`. */
  readonly truncate: boolean | null;
  readonly rid: string | readonly string[] | null;
  readonly origin: RequestOrigin;
}

/** How much a document has to do with a query. */
export interface Relevance {
  /** Of the document, in the order in which they came. */
  readonly index: number;
  /** As the model gives it: of any size, unless its config.json names an activation. */
  readonly score: number;
  /** The same between 0 and 1. */
  readonly probability: number;
  /** null where it is not a classifier's. */
  readonly result: EmbedReply['results'][number] | null;
}

export interface Relevances {
  /** In the order of the documents. */
  readonly all: readonly Relevance[];
  /** Tokens of all prompts together. */
  readonly promptTokens: number;
}

/**
 * Judges each document beside the query: by a classifier, of whose scores the first counts, or by a model that generates and whose
 * template asks for yes or no.
 * @throws RequestError `bad_value` where this server can do neither; as `TokenizerManager.encode` and `score`
 */
export async function relevanceOf(
  deps: Pick<AppDeps, 'manager' | 'facts' | 'chat' | 'templateText'>,
  request: RelevanceRequest,
  gone: AbortSignal,
): Promise<Relevances> {
  const { manager, facts } = deps;
  const chat = yesNoTemplate(deps);
  if (chat !== null) return yesNoRelevance(manager, chat, request, gone);
  refuseWithoutGeneration(deps);
  const labels = labelsOf(facts);
  const { query, documents, truncate, rid, origin } = request;
  const text = documents.map((document) => [query, document] as const);
  const { results, promptTokens } = await manager.encode(
    { ...PLAIN_EMBED, text, truncate, rid, origin },
    gone,
  );
  const all = results.map((result, index) => {
    const score = result.vector[0] ?? NaN;
    return { index, score, probability: asProbability(score, labels), result };
  });
  return { all, promptTokens };
}

/** Why this server ranks nothing; null where it does. */
export function rankingRefusal(deps: Pick<AppDeps, 'facts' | 'chat'>): string | null {
  if (deps.facts.labels !== null || yesNoTemplate(deps) !== null) return null;
  return 'The model gives no scores, and its chat template does not ask for yes or no.';
}

/** The most relevant first; equals stay in order. */
export function ranked({ all }: Relevances, topN: number | null): Relevance[] {
  return [...all].sort((a, b) => b.score - a.score).slice(0, topN ?? all.length);
}
