import { RequestError } from '../../core/errors';
import type { ModelFacts } from '../../core/model-facts';
import type { EmbedMsg } from '../../ipc/messages';
import { refuseLength } from '../context-limits';
import { isFlat } from '../fan-out';
import { pairIds, promptIds, refuseEmpty, type PromptContext } from '../prompt-message';
import type { EmbedRequest, TextPair } from './embed-request';

/** What a request for vectors asks about, one text or pair at a time. */
export type EmbedPrompt = { readonly text: string | TextPair } | { readonly inputIds: readonly number[] };

/** A prompt as the scheduler takes it. */
export type EmbedIds = Pick<EmbedMsg, 'inputIds' | 'pairAt'>;

type EmbedContext = Omit<PromptContext, 'reasoning'>;

/** @throws RequestError `bad_value` for a request without prompts, or with both kinds */
export function promptsOf({ text, inputIds }: Pick<EmbedRequest, 'text' | 'inputIds'>): {
  prompts: readonly EmbedPrompt[];
  isBatch: boolean;
} {
  if (text === null && inputIds === null)
    refuse('At least one of text, input_ids, or image should be provided');
  if (text !== null && inputIds !== null) refuse('text and input_ids cannot be provided at the same time');
  if (typeof text === 'string') return { prompts: [{ text }], isBatch: false };
  if (text !== null) return { prompts: text.map((item) => ({ text: item })), isBatch: true };
  if (inputIds === null || inputIds.length === 0) refuse('input_ids cannot be empty.');
  if (isFlat(inputIds)) return { prompts: [{ inputIds }], isBatch: false };
  return { prompts: inputIds.map((item) => ({ inputIds: item })), isBatch: true };
}

/**
 * A prompt's ids with the special tokens of the model. `allowAutoTruncate` cuts what is too long, but for the special tokens at
 * its ends, of which a model may read its vector; of a pair, the end of the second text.
 * @throws RequestError `bad_value` for one without tokens, or that is too long
 */
export async function embedIds(
  prompt: EmbedPrompt,
  cutAt: EmbedRequest['cutAt'],
  context: EmbedContext,
  gone: AbortSignal,
): Promise<EmbedIds> {
  const { ids, pairAt } = await read(cutAt === 'start' ? withEnd(prompt, context) : prompt, context, gone);
  refuseEmpty(ids);
  const { contextLen } = context.facts;
  if (ids.length <= contextLen) return { inputIds: Int32Array.from(ids), pairAt };
  if (!context.args.allowAutoTruncate) refuseLength(String(ids.length), contextLen);
  const around = 'text' in prompt ? (await read({ text: '' }, context, gone)).ids : [];
  const isStartCut = cutAt === 'start' && pairAt === null;
  const kept = isStartCut ? cutStart(ids, around, contextLen) : cut(ids, around, contextLen);
  return { inputIds: Int32Array.from(kept), pairAt };
}

async function read(
  prompt: EmbedPrompt,
  context: EmbedContext,
  gone: AbortSignal,
): Promise<{ readonly ids: readonly number[]; readonly pairAt: number | null }> {
  const text = 'text' in prompt ? prompt.text : null;
  if (text !== null && typeof text !== 'string') return pairIds(text, context, gone);
  const inputIds = 'inputIds' in prompt ? prompt.inputIds : null;
  return { ids: await promptIds({ text, inputIds, addSpecialTokens: true }, context, gone), pairAt: null };
}

/** What a text may have too much is left out at its start before it costs anything, where it is to be cut there. */
function withEnd(prompt: EmbedPrompt, { args, facts, tokenizer }: EmbedContext): EmbedPrompt {
  if (!args.allowAutoTruncate || tokenizer === null) return prompt;
  const longest = facts.contextLen * tokenizer.sync.maxTokenLength;
  return 'text' in prompt && typeof prompt.text === 'string' ? { text: prompt.text.slice(-longest) } : prompt;
}

/** @param around the special tokens that stand around any text */
function cut(ids: readonly number[], around: readonly number[], length: number): number[] {
  let tail = 0;
  while (tail < Math.min(around.length, length) && ids.at(-1 - tail) === around.at(-1 - tail)) tail++;
  return [...ids.slice(0, length - tail), ...ids.slice(ids.length - tail)];
}

/** @param around as `cut` */
function cutStart(ids: readonly number[], around: readonly number[], length: number): number[] {
  let head = 0;
  while (head < Math.min(around.length, length) && ids[head] === around[head]) head++;
  return [...ids.slice(0, head), ...ids.slice(ids.length - (length - head))];
}

/** @throws RequestError `bad_value` for what this kind of model cannot be asked */
export function refuseKind(facts: Pick<ModelFacts, 'kind'>): void {
  if (facts.kind === 'embedding') return;
  refuse(
    'This model does not appear to be an embedding model by default. Please add `--is-embedding` when launching ' +
      'the server or try another model.',
  );
}

function refuse(message: string): never {
  throw new RequestError('bad_value', message);
}
