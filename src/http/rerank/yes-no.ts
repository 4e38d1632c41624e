import type { ChatTemplate } from '../../chat-template';
import { bug, RequestError } from '../../core/errors';
import type { TokenizerManager } from '../../tokenizer-manager';
import type { AppDeps } from '../app-deps';
import type { RelevanceRequest, Relevances } from './relevance';

/** Models that generate, and are trained to say whether a document fits a query: Qwen3-Reranker and its likes. */

/** The template of a model that generates, where it asks for nothing but yes or no, as SGLang knows theirs. */
export function yesNoTemplate({ facts, chat }: Pick<AppDeps, 'facts' | 'chat'>): ChatTemplate | null {
  if (facts.kind !== 'generation') return null;
  return asksForYesNo(chat?.source) ? chat : null;
}

/** @throws RequestError `bad_value` where a model of this kind was started for vectors: it is no use as it is */
export function refuseWithoutGeneration({
  facts,
  templateText,
}: Pick<AppDeps, 'facts' | 'templateText'>): void {
  if (facts.kind !== 'embedding' || facts.labels !== null || !asksForYesNo(templateText)) return;
  throw new RequestError(
    'bad_value',
    'Detected Qwen3 reranker chat template, but the server is not in generation mode. ' +
      'Please relaunch without --is-embedding for Qwen3-Reranker models.',
  );
}

function asksForYesNo(template: string | null | undefined): boolean {
  const text = template?.toLowerCase() ?? '';
  return ['answer can only be', '"yes"', '"no"'].every((phrase) => text.includes(phrase));
}

/** How much likelier "yes" is than "no" as the next token after each document's prompt. */
export async function yesNoRelevance(
  manager: TokenizerManager,
  chat: ChatTemplate,
  { query, documents, instruct, rid, origin }: RelevanceRequest,
  gone: AbortSignal,
): Promise<Relevances> {
  const labelTokenIds = await Promise.all(['yes', 'no'].map((word) => tokenOf(manager, word, gone)));
  const prompts: string[] = [];
  for (const document of documents) prompts.push(await chat.fill({ query, document, instruct }, gone));
  const { scores, promptTokens } = await manager.score(
    {
      query: '',
      items: prompts,
      labelTokenIds,
      applySoftmax: true,
      itemFirst: false,
      common: {
        rid,
        origin,
        priority: null,
        routingKey: null,
        extraKey: null,
        dpRank: null,
        noLogs: false,
        logMetrics: true,
        customLabels: null,
      },
    },
    gone,
  );
  const all = scores.map(([yes], index) => {
    if (yes === undefined) throw bug('a document without its score');
    return { index, score: yes, probability: yes, result: null };
  });
  return { all, promptTokens };
}

/** @throws RequestError `bad_value` where a word is no token */
async function tokenOf(manager: TokenizerManager, word: string, gone: AbortSignal): Promise<number> {
  const [id, ...more] = await manager.tokenizeText(word, { addSpecialTokens: false }, gone);
  if (id !== undefined && more.length === 0) return id;
  throw new RequestError('bad_value', `This model cannot rerank: its tokenizer has no token '${word}'.`);
}
