import { RequestError } from '../core/errors';
import type { ModelFacts } from '../core/model-facts';
import type { LogprobParams, SamplingParams } from '../core/request';
import type { Thinking } from '../core/thinking';
import type { EncodedPair, EncodeOptions } from '../tokenizer/tokenizer';
import type { AsyncTokenizer } from '../tokenizer/tokenizer-pool';
import type { GenerateMsg } from '../ipc/messages';
import { warnOnce } from '../logging/logger';
import type { ServerArgs } from '../server-args/server-args';
import { fitToContext, refuseLength } from './context-limits';
import type { TextPair } from './embed/embed-request';
import type { Prompt } from './fan-out';
import { thinkingAfter, type Reasoning } from './reasoning';
import { NEEDS_PARSER } from './sampling-params';

export interface PromptContext {
  readonly args: Pick<ServerArgs, 'allowAutoTruncate' | 'streamInterval'>;
  readonly facts: ModelFacts;
  readonly tokenizer: AsyncTokenizer | null;
  /** null where nothing is known of thoughts. */
  readonly reasoning: Reasoning | null;
}

/** What the samples of one prompt share. */
export type PromptMessage = Omit<
  GenerateMsg,
  'rid' | 'sample' | 'stream' | 'priority' | 'routingKey' | 'trace'
>;

/** Ids asked for, and likeliest tokens, at each position. */
const MAX_LOGPROBS = 1024;

/**
 * Checks everything of a prompt that depends on its ids.
 * @param ids of all that is run, all of the vocabulary
 * @throws RequestError `bad_value`
 */
export function promptMessage(prompt: Prompt, ids: ArrayLike<number>, context: PromptContext): PromptMessage {
  const { args, facts } = context;
  refuseEmpty(ids);
  const limits = { ...facts, autoTruncate: args.allowAutoTruncate };
  const { params } = prompt;
  const lengths = fitToContext(ids.length, params.maxNewTokens, prompt.isMaxNewTokensGiven, limits);
  if (lengths.promptTokens < ids.length) {
    warnOnce(`Prompts that are too long for the context are cut to ${lengths.promptTokens} tokens.`);
  }
  return {
    type: 'generate',
    inputIds: Int32Array.from({ length: lengths.promptTokens }, (_, i) => ids[i] as number),
    sampling: withLengths(params.sampling, lengths.maxNewTokens),
    decode: params.decode,
    thinking: lengths.maxNewTokens === 0 ? null : thinkingOf(prompt, ids, context),
    logprobs: prompt.logprobs && checkLogprobs(prompt.logprobs, lengths.promptTokens, facts.vocabSize),
    streamInterval: params.streamInterval ?? args.streamInterval,
    extraKey: prompt.extraKey,
  };
}

/** What the scheduler must know of the thoughts that come after a prompt. */
function thinkingOf(
  { text, params, thoughtsBefore, begunLength }: Prompt,
  ids: ArrayLike<number>,
  { tokenizer, reasoning, facts }: PromptContext,
): Thinking | null {
  if (reasoning === null && thoughtsBefore === 'required') refuse(`require_reasoning ${NEEDS_PARSER}`);
  if (reasoning === null || tokenizer === null) return null;
  const isHeld = params.sampling.grammar !== null;
  const given = {
    text,
    ids,
    begunLength,
    thoughtsBefore,
    isGrammarAfter: isHeld && thoughtsBefore !== 'none',
  };
  const thinking = thinkingAfter(reasoning, given, tokenizer.sync);
  if (thinking === null) return null;
  const { eosTokenId } = tokenizer.sync;
  const eosTokenIds = [...facts.eosTokenIds, ...(eosTokenId === null ? [] : [eosTokenId])];
  return { ...thinking, budget: params.thinkingBudget, eosTokenIds };
}

/**
 * The ids of a prompt, checked against the vocabulary; none for a text that has no tokens.
 * @throws RequestError `bad_value`
 */
export async function promptIds(
  { text, inputIds, addSpecialTokens }: Pick<Prompt, 'text' | 'inputIds' | 'addSpecialTokens'>,
  context: Omit<PromptContext, 'reasoning'>,
  gone: AbortSignal,
): Promise<readonly number[]> {
  const ids = inputIds ?? (await tokenize(text ?? '', { addSpecialTokens }, context, gone));
  checkIds(ids, context.facts.vocabSize);
  return ids;
}

/**
 * The ids of two texts that are judged together, checked against the vocabulary.
 * @throws RequestError `bad_value`
 */
export async function pairIds(
  [text, pair]: TextPair,
  context: Omit<PromptContext, 'reasoning'>,
  gone: AbortSignal,
): Promise<EncodedPair> {
  // The tokenizer library takes an empty one for none.
  if (pair === '') refuse('The second text of a pair is empty.');
  const { tokenizer, longest } = admit(text.length + pair.length, context);
  const encoded = await tokenizer.encodePair(text.slice(0, longest), pair.slice(0, longest), gone);
  checkIds(encoded.ids, context.facts.vocabSize);
  return encoded;
}

/** @throws RequestError `bad_value` for a prompt without tokens */
export function refuseEmpty(ids: ArrayLike<number>): void {
  if (ids.length === 0) refuse('The prompt is empty: it has no tokens.');
}

function refuse(message: string): never {
  throw new RequestError('bad_value', message);
}

async function tokenize(
  text: string,
  options: EncodeOptions,
  context: Omit<PromptContext, 'reasoning'>,
  gone: AbortSignal,
): Promise<number[]> {
  const { tokenizer, longest } = admit(text.length, context);
  return tokenizer.encode(text.slice(0, longest), options, gone);
}

/**
 * What cannot fit is refused before it costs anything.
 * @param length of the text, in UTF-16 units
 * @returns the length up to which a text may fit
 */
function admit(
  length: number,
  { tokenizer, facts, args }: Omit<PromptContext, 'reasoning'>,
): { readonly tokenizer: AsyncTokenizer; readonly longest: number } {
  if (tokenizer === null) {
    refuse(
      'The engine initialized with skip_tokenizer_init=True cannot accept text prompts. ' +
        'Please provide input_ids or re-initialize the engine with skip_tokenizer_init=False.',
    );
  }
  const { maxTokenLength } = tokenizer.sync;
  const longest = facts.contextLen * maxTokenLength;
  if (length > longest && !args.allowAutoTruncate) {
    refuseLength(`at least ${Math.ceil(length / maxTokenLength)}`, facts.contextLen);
  }
  return { tokenizer, longest };
}

function checkIds(ids: readonly number[], vocabSize: number): void {
  const outside = ids.find((id) => id < 0 || id >= vocabSize);
  if (outside !== undefined) {
    refuse(`Token ID ${outside} is out of vocabulary (vocab size: ${vocabSize})`);
  }
}

function withLengths(sampling: Omit<SamplingParams, 'maxNewTokens'>, maxNewTokens: number): SamplingParams {
  return { ...sampling, maxNewTokens, minNewTokens: Math.min(sampling.minNewTokens, maxNewTokens) };
}

function checkLogprobs(wanted: LogprobParams, promptTokens: number, vocabSize: number): LogprobParams {
  const { startLen, topNum, tokenIds } = wanted;
  if (startLen < -1) refuse(`logprob_start_len must be -1 or at least 0, got ${startLen}.`);
  if (startLen > promptTokens) {
    refuse(
      `req.logprob_start_len=${startLen} is higher than the number of input tokens ` +
        `len(req.origin_input_ids)=${promptTokens}. Please use a smaller logprob_start_len.`,
    );
  }
  const most = Math.min(MAX_LOGPROBS, vocabSize);
  if (topNum < 0 || topNum > most) refuse(`top_logprobs_num must be in [0, ${most}], got ${topNum}.`);
  if (tokenIds !== null && tokenIds.length > MAX_LOGPROBS) {
    refuse(`token_ids_logprob must have at most ${MAX_LOGPROBS} entries, got ${tokenIds.length}.`);
  }
  const outside = tokenIds?.find((id) => id < 0 || id >= vocabSize);
  if (outside !== undefined) refuse(`token_ids_logprob must be in [0, ${vocabSize - 1}], got ${outside}.`);
  return wanted;
}
