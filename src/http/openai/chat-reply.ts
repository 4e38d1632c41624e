import type { GenerateJob, GenerateResult } from '../../tokenizer-manager';
import { choiceNews, type ChoiceNews, type TokenCounts } from './choice-news';
import { chatLogprobs, type ChatLogprobs } from './logprobs';
import type { ReplyContext } from './reply-context';
import { endOf, now, usageOf, type ChoiceEnd } from './reply-parts';

export function chatReply(results: readonly GenerateResult[], context: ReplyContext): object {
  const { id, model, n, reportsCache, weightVersion, textOf } = context;
  return {
    id,
    object: 'chat.completion',
    created: now(),
    model,
    choices: results.map(({ text, logprobs, finish }, index) => ({
      index,
      message: { role: 'assistant', content: text, reasoning_content: null, tool_calls: null },
      logprobs: logprobs && chatLogprobs(logprobs.output, textOf),
      ...endOf(finish),
    })),
    usage: usageOf(results, n, reportsCache),
    metadata: { weight_version: weightVersion },
  };
}

/** What a chunk adds to an answer. */
interface Delta {
  readonly role?: 'assistant';
  readonly content?: string;
  readonly reasoning_content: null;
}

const GROWING: ChoiceEnd = endOf(null);

/**
 * The events of a stream: for each choice its role, its text and then its end, each in a chunk of its own.
 * @throws RequestError as `choiceNews`
 */
export async function* chatChunks(job: GenerateJob, context: ReplyContext): AsyncGenerator<object> {
  const { id, model, n, reportsCache, includeUsage, continuousUsage } = context;
  const head = { id, object: 'chat.completion.chunk', created: now(), model };
  const counts: TokenCounts[] = [];
  for await (const news of choiceNews(job)) {
    counts[news.index] = news.counts;
    const usage = continuousUsage ? usageOf([news.counts], 1, reportsCache) : null;
    for (const choice of choicesOf(news, context)) yield { ...head, choices: [choice], usage };
  }
  if (includeUsage) yield { ...head, choices: [], usage: usageOf(counts, n, reportsCache) };
}

function* choicesOf(news: ChoiceNews, { textOf }: ReplyContext): Generator<object> {
  const { index, isFirst, text, finish } = news;
  const logprobs = news.logprobs && chatLogprobs(news.logprobs, textOf);
  const choice = (delta: Delta, of: ChatLogprobs | null, end: ChoiceEnd) => {
    return { index, delta, logprobs: of, ...end };
  };
  if (isFirst) yield choice({ role: 'assistant', content: '', reasoning_content: null }, null, GROWING);
  if (text !== '' || (logprobs?.content.length ?? 0) > 0) {
    yield choice({ content: text, reasoning_content: null }, logprobs, GROWING);
  }
  if (finish !== null) yield choice({ reasoning_content: null }, null, endOf(finish));
}
