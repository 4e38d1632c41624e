import { RequestError } from '../core/errors';
import type { Labels, ModelFacts } from '../core/model-facts';
import { refuseKind } from '../tokenizer-manager';

/** What the scores of a classifier mean, in every API that shows them. */

/**
 * What this server's model gives scores for.
 * @throws RequestError `bad_value` for a model that generates text, or gives a text a vector
 */
export function labelsOf(facts: Pick<ModelFacts, 'kind' | 'labels'>): Labels {
  refuseKind(facts);
  if (facts.labels !== null) return facts.labels;
  throw new RequestError(
    'bad_value',
    'This model gives vectors, not scores. Serve a reranker or classifier, or ask for vectors at /encode or /v1/embeddings.',
  );
}

/** Why this server gives no scores; null where it does. */
export function scoresRefusal({ labels }: Pick<ModelFacts, 'labels'>): string | null {
  return labels === null ? 'The model gives no scores.' : null;
}

/** A score between 0 and 1: through a sigmoid where the model gives it raw. */
export function asProbability(score: number, { activation }: Pick<Labels, 'activation'>): number {
  return activation === 'Identity' ? 1 / (1 + Math.exp(-score)) : score;
}

/** Scores as probabilities: of several labels one is right; a single one is right or is not. */
export function asProbabilities(scores: Float32Array, labels: Pick<Labels, 'activation'>): number[] {
  if (scores.length === 1) return [asProbability(scores[0] ?? NaN, labels)];
  const largest = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - largest));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / sum);
}
