import type { PositionLogprobs } from '../../core/request';
import type { GenerateJob, GenerateResult } from '../../tokenizer-manager';
import { choiceNews, type ChoiceNews, type TokenCounts } from '../chat/choice-news';
import { completionLogprobs } from './logprobs';
import type { ReplyContext } from './reply-context';
import { endOf } from '../chat/choice-end';
import { now, usageOf } from './reply-parts';

export interface CompletionContext extends ReplyContext {
  /** What stands before the completions of each prompt; null where nothing does. */
  readonly echo: readonly string[] | null;
}

export function completionReply(results: readonly GenerateResult[], context: CompletionContext): object {
  return {
    ...head(context, now()),
    choices: results.map(({ text, logprobs, finish }, index) => ({
      index,
      text: before(index, context) + text,
      logprobs: logprobs && render(echoed(logprobs.input, context), logprobs.output, context),
      ...endOf(finish),
    })),
    usage: usageOf(results, context),
    metadata: { weight_version: context.served.weightVersion },
  };
}

/** The events of a stream. @throws RequestError as `choiceNews` */
export async function* completionChunks(
  job: GenerateJob,
  context: CompletionContext,
): AsyncGenerator<object> {
  const { includeUsage, continuousUsage } = context;
  const created = now();
  const counts: TokenCounts[] = [];
  for await (const news of choiceNews(job)) {
    counts[news.index] = news.counts;
    const usage = continuousUsage ? usageOf([news.counts], { ...context, n: 1 }) : null;
    yield { ...head(context, created), choices: [chunkChoice(news, context)], usage };
  }
  if (includeUsage) yield { ...head(context, created), choices: [], usage: usageOf(counts, context) };
}

function head({ id, model }: CompletionContext, created: number): object {
  return { id, object: 'text_completion', created, model };
}

function chunkChoice(news: ChoiceNews, context: CompletionContext): object {
  const { index, isFirst, text, logprobs, promptLogprobs, finish } = news;
  return {
    index,
    text: (isFirst ? before(index, context) : '') + text,
    logprobs: logprobs && render(echoed(promptLogprobs, context), logprobs, context),
    ...endOf(finish),
  };
}

function before(index: number, { echo, n }: CompletionContext): string {
  return echo?.[Math.floor(index / n)] ?? '';
}

function echoed(
  prompt: readonly PositionLogprobs[],
  { echo }: CompletionContext,
): readonly PositionLogprobs[] {
  return echo === null ? [] : prompt;
}

function render(
  prompt: readonly PositionLogprobs[],
  output: readonly PositionLogprobs[],
  { textOf }: CompletionContext,
): object {
  return completionLogprobs([...prompt, ...output], textOf);
}
