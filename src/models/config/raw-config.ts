import { z } from 'zod';
import { StartupError } from '../../core/errors';
import { quote } from '../../checkpoint/model-files';

/** What config.json and generation_config.json may hold, as far as this server reads it; other fields are dropped. */

/** A schema whose error text is what the field must be; `checkFields` makes the sentence. */
function field<T>(expected: string, check: (value: unknown) => boolean) {
  return z.custom<T>(check, { error: expected });
}

const isWhole = (value: unknown, min: number, max: number): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;

const whole = (min: number, max: number) =>
  field<number>(`a whole number from ${min} to ${max}`, (value) => isWhole(value, min, max));
/** A dimension of a weight matrix; the bound keeps every product of two below 2^48. */
const dimension = whole(1, 2 ** 24);
const INT32_MAX = 2 ** 31 - 1;
const positions = whole(1, INT32_MAX);
/** Finite: JSON's 1e999 reads as infinity. */
const number = (min: number, expected: string) =>
  field<number>(expected, (value) => typeof value === 'number' && Number.isFinite(value) && value >= min);
const positive = number(Number.MIN_VALUE, 'a number above 0');
const atLeastOne = number(1, 'a number from 1 on');
const finite = number(-Infinity, 'a number');
const bool = field<boolean>('true or false', (value) => typeof value === 'boolean');
const text = field<string>('a text', (value) => typeof value === 'string' && value !== '');
const texts = field<string[]>(
  'a list of texts',
  (value) => Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== ''),
);
const names = field<[string, ...string[]]>(
  'a list of at least one name',
  (value) => Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string'),
);
const tokenIds = field<number | number[]>(
  'a token id or a list of token ids',
  (value) =>
    isWhole(value, 0, INT32_MAX) ||
    (Array.isArray(value) && value.every((item) => isWhole(item, 0, INT32_MAX))),
);

const rope = z.object(
  {
    rope_type: text.nullish(),
    type: text.nullish(),
    rope_theta: positive.nullish(),
    factor: atLeastOne.nullish(),
    low_freq_factor: positive.nullish(),
    high_freq_factor: positive.nullish(),
    original_max_position_embeddings: positions.nullish(),
  },
  { error: 'an object' },
);

/** `rope_scaling` (before transformers 5) or `rope_parameters`. */
export type RawRope = z.infer<typeof rope>;

export const rawConfigSchema = z.object({
  architectures: names,
  model_type: text,
  vocab_size: dimension,
  hidden_size: dimension,
  intermediate_size: dimension,
  num_hidden_layers: whole(1, 4096),
  num_attention_heads: whole(1, 65536),
  num_key_value_heads: whole(1, 65536).nullish(),
  head_dim: whole(1, 65536).nullish(),
  hidden_act: text.nullish(),
  rms_norm_eps: positive.nullish(),
  tie_word_embeddings: bool.nullish(),
  attention_bias: bool.nullish(),
  mlp_bias: bool.nullish(),

  rope_theta: positive.nullish(),
  rope_scaling: rope.nullish(),
  rope_parameters: rope.nullish(),
  max_position_embeddings: positions,
  max_sequence_length: positions.nullish(),
  seq_length: positions.nullish(),
  max_seq_len: positions.nullish(),
  model_max_length: positions.nullish(),

  sliding_window: positions.nullish(),
  use_sliding_window: bool.nullish(),
  max_window_layers: whole(0, 4096).nullish(),
  layer_types: texts.nullish(),

  eos_token_id: tokenIds.nullish(),
  bos_token_id: tokenIds.nullish(),
  dtype: text.nullish(),
  torch_dtype: text.nullish(),
});

export type RawConfig = z.infer<typeof rawConfigSchema>;

export const rawGenerationConfigSchema = z.object({
  eos_token_id: tokenIds.nullish(),
  temperature: finite.nullish(),
  top_p: finite.nullish(),
  top_k: finite.nullish(),
  min_p: finite.nullish(),
  repetition_penalty: finite.nullish(),
});

/**
 * Checks a parsed JSON object.
 * @param source names where a top-level field came from, for the error
 * @throws StartupError of one line: source, field, what it must be and what it is
 */
export function checkFields<T>(
  schema: z.ZodType<T>,
  value: Readonly<Record<string, unknown>>,
  source: (field: string) => string,
): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const keys = issue?.path.map(String) ?? [];
  const found = keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], value);
  const shown = `${source(keys[0] ?? '')}: ${quote(keys.join('.'))}`;
  if (found === undefined) throw new StartupError(`${shown} is missing`);
  throw new StartupError(`${shown} must be ${issue?.message}, found ${quote(found)}`);
}
