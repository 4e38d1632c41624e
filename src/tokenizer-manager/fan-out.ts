import { randomUUID } from 'node:crypto';
import { RequestError } from '../core/errors';
import type { LogprobParams } from '../core/request';
import type { GenerateRequest, RawSamplingParams, ThoughtsBefore } from './generate-request';
import { parseSamplingParams, type ParsedSamplingParams, type SamplingContext } from './sampling-params';

/** One prompt of a request with the options that hold for it. */
export interface Prompt {
  readonly text: string | null;
  readonly inputIds: readonly number[] | null;
  readonly addSpecialTokens: boolean;
  readonly params: ParsedSamplingParams;
  readonly thoughtsBefore: ThoughtsBefore;
  /** How many characters at the end of `text` are part of the answer already. */
  readonly begunLength: number;
  /** Whether the request itself says how many tokens it wants. */
  readonly isMaxNewTokensGiven: boolean;
  /** null when no log-probabilities are wanted. */
  readonly logprobs: LogprobParams | null;
  readonly extraKey: string | null;
  /** One request id for each sample. */
  readonly rids: readonly string[];
}

export interface FannedOut {
  readonly prompts: readonly Prompt[];
  /** Samples of each prompt. */
  readonly n: number;
  /** Whether the reply is a list: several prompts, or several samples of one. */
  readonly isBatch: boolean;
}

/** Prompts times samples of one request. */
const MAX_REQUESTS = 10_000;
const MAX_RID_LENGTH = 256;

/**
 * Turns a request into one entry for each prompt, each with its own options and request ids.
 * @param preferred parameters under those of the request
 * @throws RequestError when lists do not fit together or a sampling parameter is refused
 */
export function fanOut(
  request: GenerateRequest,
  preferred: RawSamplingParams | null,
  context: SamplingContext,
): FannedOut {
  const { texts, ids, size, isList } = promptsOf(request);
  refuseTooMany(size);
  if (request.session !== null && size > 1) {
    refuse(
      'session_params cannot be used with several prompts: a session goes on with one request at a time.',
    );
  }
  const spread = <T>(name: string, value: T | readonly T[]) => spreadOver(name, value, size, isList);
  const raw = spread('sampling_params', request.samplingParams);
  const params = parseEach(raw, (item) =>
    parseSamplingParams({ ...preferred, ...item }, context, request.isGrammarLenient),
  );
  const n = sampleCount(params);
  refuseTooMany(size * n);
  if (n > 1) refuseLogprobLists(request);
  const returnLogprob = spread('return_logprob', request.returnLogprob);
  const startLen = spread('logprob_start_len', request.logprobStartLen);
  const topNum = spread('top_logprobs_num', request.topLogprobsNum);
  const tokenIds = spread('token_ids_logprob', wrapFlat(request.tokenIdsLogprob)).map(unwrap);
  const extraKey = spread<string | null>('extra_key', request.extraKey);
  for (const key of new Set(extraKey)) refuseIllFormed('extra_key', key);
  refuseIllFormed('routing_key', request.routingKey);
  const rids = ridsOf(request.rid, { size, n, isList });
  const prompts = params.map((own, i): Prompt => {
    const logprobs: LogprobParams = {
      startLen: startLen[i] ?? -1,
      topNum: topNum[i] ?? 0,
      tokenIds: tokenIds[i] ?? null,
      ...(request.isScoring && { next: true }),
    };
    return {
      text: texts?.[i] ?? null,
      inputIds: ids?.[i] ?? null,
      addSpecialTokens: request.addSpecialTokens,
      params: own,
      thoughtsBefore: request.thoughtsBefore,
      begunLength: request.begunLength,
      isMaxNewTokensGiven: typeof raw[i]?.['max_new_tokens'] === 'number',
      logprobs: returnLogprob[i] === true ? logprobs : null,
      extraKey: extraKey[i] ?? null,
      rids: rids.slice(i * n, (i + 1) * n),
    };
  });
  return { prompts, n, isBatch: isList || n > 1 };
}

function refuse(message: string): never {
  throw new RequestError('bad_value', message);
}

/**
 * A name with half of a surrogate pair would be another one in the next process, which knows only Unicode: its request would
 * never be found again, and two such keys would be one.
 */
function refuseIllFormed(field: string, name: string | null): void {
  if (name !== null && /\p{Cs}/u.test(name)) refuse(`${field} must be well-formed Unicode.`);
}

export function refuseTooMany(requests: number): void {
  if (requests <= MAX_REQUESTS) return;
  refuse(`A request must have at most ${MAX_REQUESTS} prompts times samples, got ${requests}.`);
}

interface Prompts {
  readonly texts: readonly string[] | null;
  readonly ids: readonly (readonly number[])[] | null;
  readonly size: number;
  /** Whether the request gave its prompts as a list. */
  readonly isList: boolean;
}

function promptsOf({ text, inputIds }: GenerateRequest): Prompts {
  if (text === null && inputIds === null) {
    refuse('Either text or input_ids should be provided.');
  }
  if (text !== null && inputIds !== null) refuse('text and input_ids cannot be provided at the same time');
  if (inputIds?.length === 0) refuse('input_ids cannot be empty.');
  const ids = inputIds === null ? null : isFlat(inputIds) ? [inputIds] : inputIds;
  if (ids?.some((prompt) => prompt.length === 0)) refuse('input_ids cannot be empty.');
  const isList = inputIds === null ? typeof text !== 'string' : !isFlat(inputIds);
  const texts = typeof text === 'string' ? [text] : text;
  return { texts, ids, size: texts?.length ?? ids?.length ?? 0, isList };
}

export function isFlat(ids: readonly number[] | readonly (readonly number[])[]): ids is readonly number[] {
  return typeof ids[0] === 'number';
}

/** One value for each prompt: the same for all, or the request's own list. */
function spreadOver<T>(name: string, value: T | readonly T[], size: number, isList: boolean): T[] {
  if (!isArray(value)) return Array.from({ length: size }, () => value);
  if (!isList) refuse(`${name} should not be a list for a single prompt.`);
  if (value.length !== size) refuse(`The length of ${name} should be equal to the batch size.`);
  return [...value];
}

/** `Array.isArray` that also narrows read-only lists. */
function isArray<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** A list of ids holds for all prompts, so it must not be taken for a list with one entry for each prompt. */
interface Ids {
  readonly list: readonly number[] | null;
}

function wrapFlat(ids: GenerateRequest['tokenIdsLogprob']): Ids | readonly Ids[] {
  if (ids === null || ids.length === 0 || isFlat(ids)) return { list: ids as readonly number[] | null };
  return ids.map((list) => ({ list }));
}

function unwrap({ list }: Ids): readonly number[] | null {
  return list;
}

/** Parses each distinct object once: a batch may share one object among thousands of prompts. */
function parseEach<T>(raw: readonly RawSamplingParams[], parse: (item: RawSamplingParams) => T): T[] {
  const parsed = new Map<RawSamplingParams, T>();
  return raw.map((item) => {
    const known = parsed.get(item) ?? parse(item);
    parsed.set(item, known);
    return known;
  });
}

function sampleCount(params: readonly ParsedSamplingParams[]): number {
  const n = params[0]?.n ?? 1;
  if (params.some((item) => item.n !== n)) {
    refuse('The parallel_sample_num should be the same for all samples in sample params.');
  }
  return n;
}

function refuseLogprobLists(request: GenerateRequest): void {
  const lists = {
    return_logprob: request.returnLogprob,
    logprob_start_len: request.logprobStartLen,
    top_logprobs_num: request.topLogprobsNum,
    token_ids_logprob: wrapFlat(request.tokenIdsLogprob),
  };
  for (const [name, value] of Object.entries(lists)) {
    if (Array.isArray(value)) refuse(`Cannot use list ${name} with parallel_sample_num > 1`);
  }
}

/**
 * Request ids, prompt by prompt and sample by sample. A name that must serve several requests gets `_0`, `_1`, … so
 * that whoever knows the name can abort them all.
 */
export function ridsOf(
  rid: GenerateRequest['rid'],
  of: { size: number; n: number; isList: boolean },
): string[] {
  const { size, n, isList } = of;
  const total = size * n;
  if (rid === null) return Array.from({ length: total }, () => randomUUID().replaceAll('-', ''));
  const names = spreadOver('rid', rid, size, isList);
  for (const name of names) {
    if (name === '' || name.length > MAX_RID_LENGTH) {
      refuse(`rid must have 1 to ${MAX_RID_LENGTH} characters, got ${name.length}.`);
    }
    // It is printed in logs: a line of its own must not come of it.
    if (/\p{Cc}/u.test(name)) refuse('rid must not contain control characters.');
    refuseIllFormed('rid', name);
  }
  if (typeof rid === 'string') {
    return isList || n > 1 ? Array.from({ length: total }, (_, i) => `${rid}_${i}`) : [rid];
  }
  return names.flatMap((name) => (n > 1 ? Array.from({ length: n }, (_, i) => `${name}_${i}`) : [name]));
}
