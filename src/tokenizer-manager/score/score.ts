import { bug, RequestError } from '../../core/errors';
import { NAN_HAPPENED, type TokenLogprob } from '../../core/request';
import type { GenerateManager } from '../generate/generate-manager';
import { refusalOf } from '../generate-job';
import { DEFAULT_GENERATE_REQUEST } from '../generate-request';
import type { GenerateResult } from '../request-state';
import type { TokenizerManagerDeps } from '../tokenizer-manager';
import { itemSequence } from './item-sequence';
import { checkLabels, scoreParts, scorePrompts, type ScoreRequest } from './score-request';

export interface ScoreReply {
  /** Of each item: the probability of each label, in the order of `labelTokenIds`. */
  readonly scores: readonly (readonly number[])[];
  readonly promptTokens: number;
  /** Those of them that were found in the prefix cache. */
  readonly cachedTokens: number;
}

/** The reply to a request without items. */
export const NO_SCORES: ScoreReply = { scores: [], promptTokens: 0, cachedTokens: 0 };

type ScoreContext = Pick<TokenizerManagerDeps, 'args' | 'facts' | 'tokenizer'>;

/** See `TokenizerManager.score`. */
export async function score(
  request: ScoreRequest,
  generator: GenerateManager,
  context: ScoreContext,
  gone: AbortSignal,
): Promise<ScoreReply> {
  const { args, facts } = context;
  if (facts.kind !== 'generation') {
    throw new RequestError(
      'not_available',
      'This model gives vectors (--is-embedding): it cannot say how likely a token is. Items are scored by a model ' +
        'that generates text, on a server without --is-embedding.',
    );
  }
  const labels = checkLabels(request.labelTokenIds, facts.vocabSize);
  const parts = scoreParts(request);
  if (parts.items.length === 0) return NO_SCORES;
  const delimiter = args.multiItemScoringDelimiter;
  const sequence = delimiter === null ? null : await itemSequence(parts, delimiter, context, gone);
  const prompts = sequence
    ? { text: null, inputIds: sequence.inputIds }
    : scorePrompts(parts, request.itemFirst);
  const job = await generator.generate(
    {
      ...DEFAULT_GENERATE_REQUEST,
      ...request.common,
      ...prompts,
      samplingParams: { max_new_tokens: 0 },
      returnLogprob: true,
      tokenIdsLogprob: labels,
      isScoring: true,
    },
    gone,
  );
  const results = await job.results();
  const sum = (count: (result: GenerateResult) => number) =>
    results.reduce((total, result) => total + count(result), 0);
  return {
    scores: results.map((result) => scoresOf(nextTokens(result), request.applySoftmax)),
    promptTokens: sequence?.length ?? sum(({ promptTokens }) => promptTokens),
    // Of one sequence nobody can say: its query is in the cache for each item.
    cachedTokens: sequence ? 0 : sum(({ cachedTokens }) => cachedTokens),
  };
}

/** @throws RequestError where a request ended without them */
function nextTokens({ finish, logprobs }: GenerateResult): readonly TokenLogprob[] {
  const chosen = logprobs?.output[0]?.chosen;
  if (chosen) return chosen;
  if (finish?.type === 'abort') throw refusalOf(finish) ?? new RequestError('bad_value', finish.message);
  if (finish?.type === 'stop' && finish.matched === NAN_HAPPENED) {
    throw new RequestError(
      'internal',
      `${NAN_HAPPENED}: the weights are damaged, or the computation overflows.`,
    );
  }
  throw bug(`a score that ended with ${JSON.stringify(finish)}`);
}

/** Probabilities of tokens, or their shares in what all of them have together; finite in any case. */
export function scoresOf(logprobs: readonly TokenLogprob[], applySoftmax: boolean): number[] {
  const values = logprobs.map(([logprob]) => logprob ?? -Infinity);
  return applySoftmax ? sharesOf(values) : values.map(Math.exp);
}

/** The softmax of values of which one at least is finite. */
export function sharesOf(values: readonly number[]): number[] {
  const most = Math.max(...values);
  const weights = values.map((value) => (value === most ? 1 : Math.exp(value - most)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
