import type { PositionLogprobs } from '../../core/request';
import type { GenerateJob, GenerateResult } from '../../tokenizer-manager';
import { foldEvents, type ToolCall } from '../../tool-calls/whole-text';
import { AnswerReader, type AnswerEvent, type AnswerForm } from './answer';
import { choiceNews, type ChoiceNews, type TokenCounts } from './choice-news';
import { endOf, type ChoiceEnd } from './choice-end';

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
  const calling = new Set<number>();
  for await (const news of choiceNews(job)) {
    const { index, isFirst, finish } = news;
    const reader = readers.get(index) ?? new AnswerReader(form);
    readers.set(index, reader);
    const pieces = [...reader.push(news.text), ...(finish === null ? [] : reader.finish())];
    yield { index, type: 'counts', counts: news.counts };
    if (isFirst) yield { index, type: 'begin' };
    yield* answerEvents(news, pieces);
    if (pieces.some(({ type }) => type === 'call')) calling.add(index);
    if (finish !== null) yield { index, type: 'end', end: callsAt(endOf(finish), calling.has(index)) };
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

/** An answer that stopped after calling tools stopped for their sake. */
function callsAt(end: ChoiceEnd, calls: boolean): ChoiceEnd {
  return calls && end.finish_reason === 'stop' ? { ...end, finish_reason: 'tool_calls' } : end;
}

/** An answer in one piece. */
export interface WholeAnswer {
  readonly text: string;
  /** null where the model did not think, or its thoughts are not told apart. */
  readonly reasoning: string | null;
  readonly calls: readonly ToolCall[];
  readonly logprobs: Logprobs;
  readonly end: ChoiceEnd;
  readonly counts: TokenCounts;
}

/** What the events of a result add up to. */
export function wholeAnswer(result: GenerateResult, form: AnswerForm): WholeAnswer {
  const { text, logprobs, finish, promptTokens, completionTokens, cachedTokens, reasoningTokens } = result;
  const reader = new AnswerReader(form);
  const pieces = [...reader.push(text), ...reader.finish()];
  const thoughts = pieces.map((piece) => (piece.type === 'reasoning' ? piece.text : ''));
  const answer = foldEvents(pieces.filter((piece) => piece.type !== 'reasoning'));
  return {
    ...answer,
    reasoning: thoughts.join('') || null,
    logprobs: logprobs && logprobs.output,
    end: callsAt(endOf(finish), answer.calls.length > 0),
    counts: { promptTokens, completionTokens, cachedTokens, reasoningTokens },
  };
}
