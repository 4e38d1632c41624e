import { assertNever } from '../../core/errors';
import type { GenerateJob, GenerateResult } from '../../tokenizer-manager';
import type { AnswerEvent, AnswerForm } from './answer';
import { chatEvents, wholeAnswer, type ChatEvent } from './chat-events';
import type { TokenCounts } from './choice-news';
import { chatLogprobs } from './logprobs';
import type { ReplyContext } from './reply-context';
import { endOf, now, usageOf } from './reply-parts';

export interface ChatContext extends ReplyContext {
  readonly form: AnswerForm;
}

export function chatReply(results: readonly GenerateResult[], context: ChatContext): object {
  const { id, model, weightVersion, textOf, form } = context;
  const answers = results.map((result) => wholeAnswer(result, form));
  return {
    id,
    object: 'chat.completion',
    created: now(),
    model,
    choices: answers.map(({ text, reasoning, logprobs, end }, index) => ({
      index,
      message: { role: 'assistant', content: text, reasoning_content: reasoning, tool_calls: null },
      logprobs: logprobs && chatLogprobs(logprobs, textOf),
      ...end,
    })),
    usage: usageOf(
      answers.map(({ counts }) => counts),
      context,
    ),
    metadata: { weight_version: weightVersion },
  };
}

/** What a chunk adds to an answer. */
interface Delta {
  readonly role?: 'assistant';
  readonly content?: string;
  readonly reasoning_content: string | null;
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
  if (piece?.type === 'reasoning') return { reasoning_content: piece.text };
  return { content: piece?.text ?? '', reasoning_content: null };
}
