import { z } from 'zod';
import { RequestError } from '../../core/errors';
import type { RawSamplingParams } from '../../tokenizer-manager';

const number = z.number({ error: 'must be a number' }).nullish();
const integer = z.int({ error: 'must be an integer' }).nullish();
const boolean = z.boolean({ error: 'must be true or false' }).nullish();
const texts = z
  .union([z.string(), z.array(z.string())], { error: 'must be a string or a list of strings' })
  .nullish();

/** How tokens are drawn, under the names of OpenAI's API and SGLang's additions to it. */
export const samplingFields = {
  temperature: number,
  top_p: number,
  top_k: integer,
  min_p: number,
  frequency_penalty: number,
  presence_penalty: number,
  repetition_penalty: number,
  min_tokens: integer,
  n: integer,
  seed: integer,
  stop: texts,
  stop_token_ids: z.array(z.int(), { error: 'must be a list of integers' }).nullish(),
  stop_regex: texts,
  no_stop_trim: boolean,
  ignore_eos: boolean,
  skip_special_tokens: boolean,
  logit_bias: z.record(z.string(), z.number(), { error: 'must be an object of numbers' }).nullish(),
  custom_params: z.record(z.string(), z.unknown(), { error: 'must be an object' }).nullish(),
  // What several servers call one thing: the tokens of thought at most.
  max_thinking_tokens: integer,
  thinking_budget: integer,
  thinking_token_budget: integer,
};

export type SamplingFields = z.output<z.ZodObject<typeof samplingFields>>;

/** Fields whose name in `sampling_params` is another. */
const RENAMED: Readonly<Partial<Record<keyof SamplingFields, string>>> = {
  min_tokens: 'min_new_tokens',
  seed: 'sampling_seed',
};

/**
 * What a request says of sampling, as `sampling_params`. What it leaves out is left out, so that defaults below can count.
 * @param body may hold other fields as well
 */
export function samplingParamsOf(body: SamplingFields): RawSamplingParams {
  const names = Object.keys(samplingFields) as (keyof SamplingFields)[];
  const given = names.filter((name) => (body[name] ?? null) !== null);
  const { thinking_budget, thinking_token_budget, max_thinking_tokens, ...params } = Object.fromEntries(
    given.map((name) => [RENAMED[name] ?? name, body[name]]),
  );
  const budget = thinking_budget ?? thinking_token_budget ?? max_thinking_tokens ?? null;
  return withThinkingBudget(params, budget as number | null);
}

/** Parameters with SGLang's own place for the tokens of thought at most; null leaves them as they are. */
export function withThinkingBudget(params: RawSamplingParams, budget: number | null): RawSamplingParams {
  if (budget === null) return params;
  const custom = (params['custom_params'] ?? {}) as Readonly<Record<string, unknown>>;
  return { ...params, custom_params: { ...custom, thinking_budget: budget } };
}

/** @returns the number of tokens wanted; null where the request leaves it out */
export function maxTokensOf(name: string, value: number | null | undefined): number | null {
  if ((value ?? null) !== null && (value as number) <= 0) {
    throw new RequestError('bad_value', `${name} must be positive, got ${value}.`, name);
  }
  return value ?? null;
}
