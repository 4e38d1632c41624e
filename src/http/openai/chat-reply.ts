import { assertNever } from '../../core/errors';
import type { GenerateJob, GenerateResult } from '../../tokenizer-manager';
import type { AnswerEvent, AnswerForm } from '../chat/answer';
import { chatEvents, wholeAnswer, type ChatEvent, type WholeAnswer } from '../chat/chat-events';
import type { TokenCounts } from '../chat/choice-news';
import { chatLogprobs } from './logprobs';
import type { ReplyContext } from './reply-context';
import { endOf } from '../chat/choice-end';
import { now, usageOf } from './reply-parts';

export interface ChatContext extends ReplyContext {
  readonly form: AnswerForm;
}

export function chatReply(results: readonly GenerateResult[], context: ChatContext): object {
  const { id, model, served, textOf, form } = context;
  const answers = results.map((result) => wholeAnswer(result, form));
  return {
    id,
    object: 'chat.completion',
    created: now(),
    model,
    choices: answers.map(({ logprobs, end, ...answer }, index) => ({
      index,
      message: messageOf(answer),
      logprobs: logprobs && chatLogprobs(logprobs, textOf),
      ...end,
    })),
    usage: usageOf(
      answers.map(({ counts }) => counts),
      context,
    ),
    metadata: { weight_version: served.weightVersion },
  };
}

/** An answer that only calls tools has no content. */
function messageOf({ text, reasoning, calls }: Pick<WholeAnswer, 'text' | 'reasoning' | 'calls'>): object {
  return {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    reasoning_content: reasoning,
    tool_calls:
      calls.length === 0
        ? null
        : calls.map(({ id, name, arguments: json }, index) => ({
            id,
            index,
            type: 'function',
            function: { name, arguments: json },
          })),
  };
}

/** What a chunk adds to an answer. */
interface Delta {
  readonly role?: 'assistant';
  readonly content?: string;
  readonly reasoning_content: string | null;
  readonly tool_calls?: readonly object[];
}

/**
 * The events of a stream: for each choice its role, its text and then its end, each in a chunk of its own.
 * @throws RequestError as `chatEvents`
 */
export async function* chatChunks(job: GenerateJob, context: ChatContext): AsyncGenerator<object> {
  const { id, model, includeUsage, continuousUsage, form } = context;
  const head = { id, object: 'chat.completion.chunk', created: now(), model };
  const counts: TokenCounts[] = [];
  for await (const event of chatEvents(job, form)) {
    if (event.type === 'counts') {
      counts[event.index] = event.counts;
      continue;
    }
    const known = counts[event.index];
    const usage = continuousUsage && known !== undefined ? usageOf([known], { ...context, n: 1 }) : null;
    yield { ...head, choices: [choiceOf(event, context)], usage };
  }
  if (includeUsage) yield { ...head, choices: [], usage: usageOf(counts, context) };
}

function choiceOf(event: Exclude<ChatEvent, { type: 'counts' }>, { textOf }: ChatContext): object {
  const { index } = event;
  switch (event.type) {
    case 'begin':
      return choice(index, { role: 'assistant', content: '', reasoning_content: null });
    case 'answer':
      return {
        ...choice(index, deltaOf(event.piece)),
        logprobs: event.logprobs && chatLogprobs(event.logprobs, textOf),
      };
    case 'end':
      return { ...choice(index, { reasoning_content: null }), ...event.end };
    default:
      return assertNever(event);
  }
}

function choice(index: number, delta: Delta): object {
  return { index, delta, logprobs: null, ...endOf(null) };
}

function deltaOf(piece: AnswerEvent | null): Delta {
  switch (piece?.type) {
    case 'reasoning':
      return { reasoning_content: piece.text };
    case 'call':
      return called(piece.index, piece.id, { name: piece.name, arguments: '' });
    case 'arguments':
      // Clients take an empty name or another id for those of a further call.
      return called(piece.index, null, { name: null, arguments: piece.text });
    case 'text':
    case undefined:
      return { content: piece?.text ?? '', reasoning_content: null };
    default:
      return assertNever(piece);
  }
}

function called(index: number, id: string | null, of: { name: string | null; arguments: string }): Delta {
  return { reasoning_content: null, tool_calls: [{ id, index, type: 'function', function: of }] };
}
