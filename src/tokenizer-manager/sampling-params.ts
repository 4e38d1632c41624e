import { z } from 'zod';
import { readGrammar } from '../constrained/read-grammar';
import { RequestError } from '../core/errors';
import type { Grammar } from '../core/grammar';
import { isIntegerList, isStringList, parseAs } from '../core/parse';
import { GREEDY_BELOW, type DecodeParams, type SamplingParams } from '../core/request';
import { compileStopRegex } from '../core/stop-regex';
import { suggest } from '../core/suggest';
import type { RawSamplingParams } from './generate-request';

/** Sampling parameters with defaults filled in; how many tokens fit is known only with the prompt. */
export interface ParsedSamplingParams {
  readonly sampling: Omit<SamplingParams, 'maxNewTokens'>;
  readonly decode: DecodeParams;
  /** null: until the context ends. */
  readonly maxNewTokens: number | null;
  /** Tokens of thought at most; null for no limit. */
  readonly thinkingBudget: number | null;
  /** Samples to draw of each prompt. */
  readonly n: number;
  /** Tokens between two chunks of a stream; null: the server's. */
  readonly streamInterval: number | null;
}

/** What the model and the server set for every request. */
export interface SamplingContext {
  readonly vocabSize: number;
  /** Tokens that end any request that does not ignore them. */
  readonly eosTokenIds: readonly number[];
  /** False where only token ids go in and out: text cannot end a request. */
  readonly hasTokenizer: boolean;
  /** False with `--grammar-backend none`. */
  readonly hasGrammars: boolean;
  /** False without `--reasoning-parser`. */
  readonly hasReasoning: boolean;
}

export const MAX_PARALLEL_SAMPLES = 128;
/** What all that concerns thoughts is refused for. */
export const NEEDS_PARSER = 'needs a server that was started with --reasoning-parser.';
const MAX_STOPS = 64;
const MAX_STOP_LENGTH = 1024;
const MAX_STOP_TOKEN_IDS = 1024;
const DEFAULT_MAX_NEW_TOKENS = 128;

const number = z.number({ error: 'must be a number' }).nullish();
const integer = z.int({ error: 'must be an integer' }).nullish();
const boolean = z.boolean({ error: 'must be true or false' }).nullish();
const integers = z.custom<number[]>(isIntegerList, { error: 'must be a list of integers' }).nullish();
const strings = z
  .custom<string | string[]>((value) => typeof value === 'string' || isStringList(value), {
    error: 'must be a string or a list of strings',
  })
  .nullish();
const text = z.string({ error: 'must be a string' }).nullish();
const textOrObject = z
  .union([z.string(), z.record(z.string(), z.unknown())], { error: 'must be a string of JSON or an object' })
  .nullish();
const custom = z.record(z.string(), z.unknown(), { error: 'must be an object' }).nullish();
const biases = z
  .custom<Record<string, number>>(isNumberRecord, { error: 'must be an object of numbers' })
  .nullish();

const schema = z.strictObject(
  {
    max_new_tokens: integer,
    stop: strings,
    stop_token_ids: integers,
    stop_regex: strings,
    temperature: number,
    top_p: number,
    top_k: integer,
    min_p: number,
    frequency_penalty: number,
    presence_penalty: number,
    repetition_penalty: number,
    min_new_tokens: integer,
    n: integer,
    ignore_eos: boolean,
    skip_special_tokens: boolean,
    spaces_between_special_tokens: boolean,
    no_stop_trim: boolean,
    stream_interval: integer,
    logit_bias: biases,
    sampling_seed: integer,
    custom_params: custom,
    json_schema: textOrObject,
    regex: text,
    ebnf: text,
    structural_tag: textOrObject,
  },
  { error: 'must be an object' },
);

type Params = z.output<typeof schema>;

/** What a request may say in `sampling_params`, under SGLang's names; what it leaves out has SGLang's default. */
export type SamplingParamsBody = Readonly<z.input<typeof schema>>;

/** Every name that `sampling_params` may hold. */
export const SAMPLING_PARAM_NAMES: readonly string[] = Object.keys(schema.shape);

/**
 * Checks the parameters of one request and fills in SGLang's defaults. null counts as absent, except for
 * `max_new_tokens`, where it means "until the context ends".
 * @param isGrammarLenient whether what cannot be enforced is left out of a schema
 * @param raw already merged over the server's preferred parameters
 * @throws RequestError `bad_value` for an unknown name or a value out of range, `bad_request` for a wrong type
 */
export function parseSamplingParams(
  raw: RawSamplingParams,
  context: SamplingContext,
  isGrammarLenient = false,
): ParsedSamplingParams {
  refuseUnknown(raw);
  const params = parseAs(schema, raw, 'sampling_params');
  checkRanges(params);
  const temperature = params.temperature ?? 1;
  const isGreedy = temperature < GREEDY_BELOW;
  return {
    sampling: {
      minNewTokens: params.min_new_tokens ?? 0,
      stopTokenIds: stopTokenIds(params, context),
      temperature: isGreedy ? 0 : temperature,
      topP: params.top_p ?? 1,
      topK: isGreedy ? 1 : Math.min(params.top_k ?? -1, context.vocabSize),
      minP: params.min_p ?? 0,
      frequencyPenalty: params.frequency_penalty ?? 0,
      presencePenalty: params.presence_penalty ?? 0,
      repetitionPenalty: params.repetition_penalty ?? 1,
      logitBias: logitBias(params.logit_bias ?? {}, context.vocabSize),
      seed: params.sampling_seed ?? null,
      grammar: grammarOf(params, context, isGrammarLenient),
    },
    decode: decodeParams(params, context),
    maxNewTokens: params.max_new_tokens === undefined ? DEFAULT_MAX_NEW_TOKENS : params.max_new_tokens,
    thinkingBudget: thinkingBudget(params, context),
    n: params.n ?? 1,
    streamInterval: params.stream_interval ?? null,
  };
}

function refuse(message: string): never {
  throw new RequestError('bad_value', message);
}

function isNumberRecord(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => Number.isFinite(item))
  );
}

function refuseUnknown(raw: RawSamplingParams): void {
  const unknown = Object.keys(raw).filter((key) => !Object.hasOwn(schema.shape, key));
  if (unknown.length === 0) return;
  const names = unknown.slice(0, 8).map((key) => {
    const near = suggest(key, SAMPLING_PARAM_NAMES);
    return JSON.stringify(key.slice(0, 64)) + (near === null ? '' : ` (did you mean ${near}?)`);
  });
  refuse(`sampling_params has unknown ${unknown.length === 1 ? 'key' : 'keys'} ${names.join(', ')}.`);
}

/** What SGLang's processor of this name takes from `custom_params`. Without limit: null, and -1 as clients have it. */
function thinkingBudget({ custom_params }: Params, { hasReasoning }: SamplingContext): number | null {
  const { thinking_budget: budget = null, ...others } = custom_params ?? {};
  const [other] = Object.keys(others).filter((name) => isSet(others[name]));
  if (other !== undefined) {
    throw new RequestError(
      'not_available',
      `custom_params.${other.slice(0, 64)} is not available on this server: only thinking_budget is.`,
    );
  }
  if (budget === null || budget === -1) return null;
  if (!Number.isSafeInteger(budget) || (budget as number) < 0) {
    refuse(`thinking_budget must be an integer of at least 0, got ${JSON.stringify(budget).slice(0, 64)}.`);
  }
  if (!hasReasoning) refuse(`thinking_budget ${NEEDS_PARSER}`);
  return budget as number;
}

function checkRanges(params: Params): void {
  const { temperature, top_p, top_k, min_p, repetition_penalty, n, stream_interval } = params;
  if (isSet(temperature) && temperature < 0) refuse(`temperature must be non-negative, got ${temperature}.`);
  if (isSet(top_p) && !(top_p > 0 && top_p <= 1)) refuse(`top_p must be in (0, 1], got ${top_p}.`);
  if (isSet(min_p) && !(min_p >= 0 && min_p <= 1)) refuse(`min_p must be in [0, 1], got ${min_p}.`);
  if (isSet(top_k) && top_k < 1 && top_k !== -1) {
    refuse(`top_k must be -1 (disable) or at least 1, got ${top_k}.`);
  }
  for (const name of ['frequency_penalty', 'presence_penalty'] as const) {
    const value = params[name];
    if (isSet(value) && Math.abs(value) > 2) refuse(`${name} must be in [-2, 2], got ${value}.`);
  }
  if (isSet(repetition_penalty) && !(repetition_penalty >= 0 && repetition_penalty <= 2)) {
    refuse(`repetition_penalty must be in [0, 2], got ${repetition_penalty}.`);
  }
  // Logits are divided by it, so the lower end of the range has no meaning.
  if (repetition_penalty === 0) refuse('repetition_penalty must be greater than 0, got 0.');
  checkCounts(params);
  if (isSet(n) && (n < 1 || n > MAX_PARALLEL_SAMPLES)) {
    refuse(`n must be in [1, ${MAX_PARALLEL_SAMPLES}], got ${n}.`);
  }
  if (isSet(stream_interval) && stream_interval < 1) {
    refuse(`stream_interval must be at least 1, got ${stream_interval}.`);
  }
}

function checkCounts({ max_new_tokens, min_new_tokens }: Params): void {
  if (isSet(max_new_tokens) && max_new_tokens < 0) {
    refuse(`max_new_tokens must be at least 0, got ${max_new_tokens}.`);
  }
  const most = max_new_tokens === undefined ? DEFAULT_MAX_NEW_TOKENS : (max_new_tokens ?? Infinity);
  if (isSet(min_new_tokens) && (min_new_tokens < 0 || min_new_tokens > most)) {
    refuse(`min_new_tokens must be in [0, max_new_tokens(${most})], got ${min_new_tokens}.`);
  }
}

function isSet<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}

/** @throws RequestError `bad_value` for a grammar that is not sound or that cannot be kept to */
function grammarOf(
  params: Params,
  { hasGrammars, hasTokenizer }: SamplingContext,
  isLenient: boolean,
): Grammar | null {
  const grammar = readGrammar(params, isLenient);
  if (grammar === null) return null;
  if (!hasTokenizer) {
    refuse(
      'Grammar-based generation (json_schema, regex, ebnf, structural_tag) needs a tokenizer: not with --skip-tokenizer-init.',
    );
  }
  if (!hasGrammars) {
    refuse(
      'Grammar-based generation (json_schema, regex, ebnf, structural_tag) is not supported when the server is launched ' +
        'with --grammar-backend none',
    );
  }
  return grammar;
}

function stopTokenIds(params: Params, { vocabSize, eosTokenIds }: SamplingContext): number[] {
  const own = params.stop_token_ids ?? [];
  if (own.length > MAX_STOP_TOKEN_IDS) {
    refuse(`stop_token_ids must have at most ${MAX_STOP_TOKEN_IDS} entries, got ${own.length}.`);
  }
  const negative = own.find((id) => id < 0);
  if (negative !== undefined) refuse(`stop_token_ids must be at least 0, got ${negative}.`);
  // Clients send the stop tokens of other models: what is never drawn stops nothing.
  const drawn = own.filter((id) => id < vocabSize);
  return params.ignore_eos === true ? [] : [...new Set([...drawn, ...eosTokenIds])];
}

function logitBias(biasById: Record<string, number>, vocabSize: number): [id: number, bias: number][] {
  return Object.entries(biasById).map(([key, bias]) => {
    const id = /^\d{1,15}$/.test(key) ? Number(key) : -1;
    if (id < 0 || id >= vocabSize) {
      refuse(`logit_bias must has keys in [0, ${vocabSize - 1}], got ${key.slice(0, 64)}.`);
    }
    return [id, bias];
  });
}

function decodeParams(params: Params, { hasTokenizer }: SamplingContext): DecodeParams {
  const stop = stopList('stop', params.stop, hasTokenizer);
  const stopRegex = stopList('stop_regex', params.stop_regex, hasTokenizer);
  for (const source of stopRegex) compileStopRegex(source);
  return {
    skipSpecialTokens: params.skip_special_tokens ?? true,
    noStopTrim: params.no_stop_trim ?? false,
    stop,
    stopRegex,
  };
}

function stopList(name: string, value: Params['stop'], hasTokenizer: boolean): string[] {
  const stops = typeof value === 'string' ? [value] : (value ?? []);
  if (stops.length > 0 && !hasTokenizer) refuse(`${name} cannot be used with skip_tokenizer_init=True.`);
  if (stops.length > MAX_STOPS)
    refuse(`${name} must have at most ${MAX_STOPS} entries, got ${stops.length}.`);
  for (const stop of stops) {
    if (stop === '') refuse(`${name} must not contain an empty string.`);
    if (stop.length > MAX_STOP_LENGTH) {
      refuse(`${name} entries must have at most ${MAX_STOP_LENGTH} characters, got ${stop.length}.`);
    }
  }
  return stops;
}
