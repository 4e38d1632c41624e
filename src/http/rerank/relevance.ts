import { PLAIN_EMBED, type EmbedReply, type RequestOrigin } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import { labelsOf } from '../scores';

/** What documents are judged by, in every API that asks for it. */
export interface RelevanceRequest {
  readonly query: string;
  readonly documents: readonly string[];
  /** See `EmbedRequest.truncate`. */
  readonly truncate: boolean | null;
  readonly rid: string | readonly string[] | null;
  readonly origin: RequestOrigin;
}

/** How much a document has to do with a query. */
export interface Relevance {
  /** Of the document, in the order in which they came. */
  readonly index: number;
  /** As the model gives it, of any size unless its config.json names an activation. */
  readonly score: number;
  readonly result: EmbedReply['results'][number];
}

/**
 * Judges each document beside the query. A model of several scores is read by its first.
 * @returns in the order of the documents
 * @throws RequestError `bad_value` where this server gives no scores; as `TokenizerManager.encode`
 */
export async function relevanceOf(
  { manager, facts }: Pick<AppDeps, 'manager' | 'facts'>,
  { query, documents, truncate, rid, origin }: RelevanceRequest,
  gone: AbortSignal,
): Promise<Relevance[]> {
  labelsOf(facts);
  const text = documents.map((document) => [query, document] as const);
  const { results } = await manager.encode({ ...PLAIN_EMBED, text, truncate, rid, origin }, gone);
  return results.map((result, index) => ({ index, score: result.vector[0] ?? NaN, result }));
}

/** The most relevant first; equals stay in order. */
export function ranked(all: readonly Relevance[], topN: number | null): Relevance[] {
  return [...all].sort((a, b) => b.score - a.score).slice(0, topN ?? all.length);
}

/** Tokens of all pairs together. */
export function tokensOf(all: readonly Relevance[]): number {
  return all.reduce((sum, { result }) => sum + result.promptTokens, 0);
}
