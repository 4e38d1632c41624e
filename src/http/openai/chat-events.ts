import type { PositionLogprobs } from '../../core/request';
import type { GenerateJob, GenerateResult } from '../../tokenizer-manager';
import { AnswerReader, type AnswerEvent, type AnswerForm } from './answer';
import { choiceNews, type ChoiceNews, type TokenCounts } from './choice-news';
import { endOf, type ChoiceEnd } from './reply-parts';

/** What happens to the choices of a chat, in the order in which clients are told, whatever dialect they speak. */
export type ChatEvent = { readonly index: number } & (
  | { readonly type: 'begin' }
  /** `logprobs` are those of the tokens that came since the event before; they may come without any text. */
  | { readonly type: 'answer'; readonly piece: AnswerEvent | null; readonly logprobs: Logprobs }
  | { readonly type: 'end'; readonly end: ChoiceEnd }
  /** Counts so far, before the other events of a step. */
  | { readonly type: 'counts'; readonly counts: TokenCounts }
);

type Logprobs = readonly PositionLogprobs[] | null;

/** @throws RequestError as `choiceNews` */
export async function* chatEvents(job: GenerateJob, form: AnswerForm): AsyncGenerator<ChatEvent> {
  const readers = new Map<number, AnswerReader>();
  for await (const news of choiceNews(job)) {
    const { index, isFirst, finish } = news;
    const reader = readers.get(index) ?? new AnswerReader(form);
    readers.set(index, reader);
    const pieces = [...reader.push(news.text, news.ids), ...(finish === null ? [] : reader.finish())];
    yield { index, type: 'counts', counts: { ...news.counts, reasoningTokens: reader.reasoningTokens } };
    if (isFirst) yield { index, type: 'begin' };
    yield* answerEvents(news, pieces);
    if (finish !== null) yield { index, type: 'end', end: endOf(finish) };
  }
}

/** A step's log-probabilities go with the first piece of its text. */
function* answerEvents(
  { index, logprobs }: ChoiceNews,
  pieces: readonly AnswerEvent[],
): Generator<ChatEvent> {
  const news = logprobs !== null && logprobs.length > 0 ? logprobs : null;
  if (pieces.length === 0 && news !== null) yield { index, type: 'answer', piece: null, logprobs: news };
  let left = news;
  for (const piece of pieces) {
    yield { index, type: 'answer', piece, logprobs: left };
    left = null;
  }
}

/** An answer in one piece. */
export interface WholeAnswer {
  readonly text: string;
  /** null where the model did not think, or its thoughts are not told apart. */
  readonly reasoning: string | null;
  readonly logprobs: Logprobs;
  readonly end: ChoiceEnd;
  readonly counts: TokenCounts;
}

/** What the events of a result add up to. */
export function wholeAnswer(result: GenerateResult, form: AnswerForm): WholeAnswer {
  const { text, outputIds, logprobs, finish, promptTokens, completionTokens, cachedTokens } = result;
  const reader = new AnswerReader(form);
  const pieces = [...reader.push(text, outputIds), ...reader.finish()];
  const textOf = (type: AnswerEvent['type']) =>
    pieces.map((piece) => (piece.type === type ? piece.text : '')).join('');
  const { reasoningTokens } = reader;
  return {
    text: textOf('text'),
    reasoning: textOf('reasoning') || null,
    logprobs: logprobs && logprobs.output,
    end: endOf(finish),
    counts: { promptTokens, completionTokens, cachedTokens, reasoningTokens },
  };
}
