import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { isIntegerList, isStringList } from '../../core/parse';
import {
  DEFAULT_GENERATE_REQUEST,
  type GenerateRequest,
  type RawSamplingParams,
  type RequestOrigin,
} from '../../tokenizer-manager';
import { NOT_AN_OBJECT } from '../body';
import { parseBody, type OtherFields } from '../fields';
import { prompts, type Prompts } from '../native/prompt-fields';
import {
  OTHER_FIELDS,
  readRequestFields,
  requestFields,
  type CommonRequest,
} from '../request-fields/request-fields';
import { maxTokensOf, samplingFields, samplingParamsOf } from '../request-fields/sampling-fields';

const DEFAULT_MAX_TOKENS = 16;

/** What a body is checked against. */
export const completionSchema = z.object(
  {
    ...requestFields,
    ...samplingFields,
    prompt: prompts,
    max_tokens: z.int({ error: 'must be an integer' }).nullish(),
    echo: z.boolean({ error: 'must be true or false' }).nullish(),
    logprobs: z.int({ error: 'must be an integer' }).nullish(),
    best_of: z.int({ error: 'must be an integer' }).nullish(),
  },
  { error: NOT_AN_OBJECT },
);

const OTHER: OtherFields = { ...OTHER_FIELDS, unavailable: [...OTHER_FIELDS.unavailable, 'suffix'] };

/** A request for completions, and what only its reply needs. */
export interface CompletionBody extends CommonRequest {
  readonly request: GenerateRequest;
  /** Choices of each prompt. */
  readonly n: number;
  /** The prompts where they are to stand before the completions, else null. */
  readonly echo: readonly (string | readonly number[])[] | null;
}

/**
 * @param defaults of sampling parameters that the request leaves out
 * @throws RequestError
 */
export function parseCompletionBody(
  value: unknown,
  origin: RequestOrigin,
  defaults: RawSamplingParams,
): CompletionBody {
  const body = parseBody(completionSchema, value, OTHER);
  const common = readRequestFields(body, origin);
  const { prompt } = body;
  if (prompt.length === 0) throw new RequestError('bad_value', 'Prompt cannot be empty', 'prompt');
  const n = body.n ?? 1;
  if (body.best_of != null && body.best_of !== n) {
    throw new RequestError('not_available', `best_of other than n (${n}) is not available.`, 'best_of');
  }
  const ids = typeof prompt === 'string' || isStringList(prompt) ? null : prompt;
  const echo = body.echo ?? false;
  return {
    ...common,
    request: {
      ...DEFAULT_GENERATE_REQUEST,
      ...common.request,
      text: ids === null ? (prompt as string | string[]) : null,
      inputIds: ids,
      samplingParams: {
        max_new_tokens: DEFAULT_MAX_TOKENS,
        ...defaults,
        ...samplingParamsOf(body),
        ...common.grammar.params,
        ...given('max_new_tokens', maxTokensOf('max_tokens', body.max_tokens)),
      },
      returnLogprob: body.logprobs != null,
      logprobStartLen: echo ? 0 : -1,
      topLogprobsNum: body.logprobs ?? 0,
    },
    n,
    echo: echo ? listOf(prompt) : null,
  };
}

function given(name: string, value: number | null): RawSamplingParams {
  return value === null ? {} : { [name]: value };
}

function listOf(prompt: Prompts): readonly (string | readonly number[])[] {
  if (typeof prompt === 'string') return [prompt];
  return isIntegerList(prompt) ? [prompt] : prompt;
}
