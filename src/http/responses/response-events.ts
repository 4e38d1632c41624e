import { assertNever } from '../../core/errors';
import { chatEvents } from '../chat/chat-events';
import type { RunningChat } from '../chat/chat-service';
import type { ChoiceEnd } from '../chat/choice-end';
import type { TokenCounts } from '../chat/choice-news';
import { chatLogprobs, type TextOf } from '../openai/logprobs';
import { Output, type OutputEvent } from './output';
import { usageOf, type ResponseObject } from './response-object';

/** What a response is made with. */
export interface ResponseContext {
  /** What it was before the first token. */
  readonly initial: ResponseObject;
  readonly isSummary: boolean;
  readonly textOf: TextOf;
  /** Told of the response whenever it is another. */
  readonly keep: (response: ResponseObject) => void;
  /** What a client is told of an error. */
  readonly messageOf: (error: unknown) => string;
}

/**
 * The events of a response, in the order in which OpenAI's client expects them.
 * @throws what `chatEvents` throws before the first token; what fails later is an event
 */
export async function* responseEvents(
  { job, form }: RunningChat,
  { initial, isSummary, textOf, keep, messageOf }: ResponseContext,
): AsyncGenerator<OutputEvent> {
  const output = new Output(isSummary);
  let response: ResponseObject = { ...initial, status: 'in_progress' };
  let counts: TokenCounts | null = null;
  const settle = (end: Partial<ResponseObject>) => {
    const usage = counts && usageOf(counts);
    response = { ...response, ...end, output: output.items, usage };
    keep(response);
    return response;
  };
  try {
    for await (const event of chatEvents(job, form)) {
      switch (event.type) {
        case 'counts':
          counts = event.counts;
          break;
        case 'begin':
          keep(response);
          yield { type: 'response.created', response };
          yield { type: 'response.in_progress', response };
          break;
        case 'answer':
          yield* output.push(event.piece, event.logprobs && chatLogprobs(event.logprobs, textOf));
          break;
        case 'end': {
          const end = endOf(event.end);
          yield* output.finish(end.status === 'completed');
          // Of one that is incomplete as well, as in SGLang: OpenAI's client takes the end from no other event.
          yield { type: 'response.completed', response: settle(end) };
          break;
        }
        default:
          assertNever(event);
      }
    }
  } catch (error) {
    const failure = { code: 'server_error', message: messageOf(error) };
    settle({ status: 'failed', error: failure });
    if (counts === null) throw error;
    yield { type: 'response.failed', response };
  }
}

function endOf({ finish_reason }: ChoiceEnd): Pick<ResponseObject, 'status' | 'incomplete_details'> {
  if (finish_reason === 'length') {
    return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
  }
  return { status: finish_reason === 'abort' ? 'cancelled' : 'completed', incomplete_details: null };
}

/** Events with their places in the stream. */
export async function* numbered(events: AsyncGenerator<OutputEvent>): AsyncGenerator<object> {
  let sequence_number = 0;
  for await (const event of events) yield { ...event, sequence_number: sequence_number++ };
}
