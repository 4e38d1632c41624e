import type { FinishReason, PositionLogprobs } from '../../core/request';
import { refusalOf, type GenerateJob, type GenerateResult } from '../../tokenizer-manager';

/** What is new of one choice since the last time. */
export interface ChoiceNews {
  readonly index: number;
  readonly isFirst: boolean;
  readonly text: string;
  /** The new tokens. */
  readonly ids: readonly number[];
  /** Log-probabilities of the new tokens; null where none were asked for. */
  readonly logprobs: readonly PositionLogprobs[] | null;
  /** Those of the prompt, with the first news. */
  readonly promptLogprobs: readonly PositionLogprobs[];
  /** null while the choice grows. */
  readonly finish: FinishReason | null;
  /** Counts so far. */
  readonly counts: TokenCounts;
}

export type TokenCounts = Pick<
  GenerateResult,
  'promptTokens' | 'completionTokens' | 'cachedTokens' | 'reasoningTokens'
>;

/**
 * A job's choices as they grow.
 * @throws RequestError when the scheduler refused one of them, or could not finish it; the others are aborted
 */
export async function* choiceNews(job: GenerateJob): AsyncGenerator<ChoiceNews> {
  const sent = new Map<number, { text: number; logprobs: number }>();
  const read = job.chunks(({ index, result, newIds, isFirst }): ChoiceNews => {
    const before = sent.get(index) ?? { text: 0, logprobs: 0 };
    const { logprobs, text, finish, promptTokens, completionTokens, cachedTokens, reasoningTokens } = result;
    sent.set(index, { text: text.length, logprobs: logprobs?.output.length ?? 0 });
    return {
      index,
      isFirst,
      text: text.slice(before.text),
      ids: newIds,
      logprobs: logprobs === null ? null : logprobs.output.slice(before.logprobs),
      promptLogprobs: isFirst ? [...(logprobs?.input ?? [])] : [],
      finish,
      counts: { promptTokens, completionTokens, cachedTokens, reasoningTokens },
    };
  });
  for await (const news of read) {
    const refusal = news.finish === null ? null : refusalOf(news.finish);
    if (refusal !== null) {
      job.abandon();
      throw refusal;
    }
    yield news;
  }
}
