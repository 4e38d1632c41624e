import { PLAIN_EMBED } from '../embed/embed-request';
import type { EmbedManager } from '../embed/embed-manager';
import { NO_SCORES, sharesOf, type ScoreReply } from './score';
import { scoreParts, scorePrompts, type ScoreRequest } from './score-request';

/**
 * The scores of a classifier for each item with the query: one for each of its own labels, whatever tokens a request names.
 * @throws RequestError
 */
export async function scoreByClassifier(
  request: ScoreRequest,
  classifier: EmbedManager,
  gone: AbortSignal,
): Promise<ScoreReply> {
  const parts = scoreParts(request);
  if (parts.items.length === 0) return NO_SCORES;
  const prompts = scorePrompts(parts, request.itemFirst);
  const { rid, dpRank, noLogs, logMetrics, customLabels, origin } = request.common;
  const common = { rid, dpRank, noLogs, logMetrics, customLabels, origin };
  const { results, promptTokens } = await classifier.encode({ ...PLAIN_EMBED, ...prompts, ...common }, gone);
  return {
    scores: results.map(({ vector }) =>
      request.applySoftmax ? sharesOf(Array.from(vector)) : Array.from(vector),
    ),
    promptTokens,
    cachedTokens: 0,
  };
}
