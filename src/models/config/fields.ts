import { z } from 'zod';
import { StartupError } from '../../core/errors';
import { quote } from '../../checkpoint/model-files';

/** Kinds of fields that a config.json may have: each schema's error text says what the field must be. */

function field<T>(expected: string, check: (value: unknown) => boolean) {
  return z.custom<T>(check, { error: expected });
}

const isWhole = (value: unknown, min: number, max: number): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;

const isNumber = (value: unknown, min: number): boolean =>
  typeof value === 'number' && Number.isFinite(value) && value >= min;

const isListOf = (value: unknown, check: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(check);

const INT32_MAX = 2 ** 31 - 1;

export const whole = (min: number, max: number) =>
  field<number>(`a whole number from ${min} to ${max}`, (value) => isWhole(value, min, max));
/** A dimension of a weight matrix; the bound keeps every product of two below 2^48. */
export const dimension = whole(1, 2 ** 24);
export const positions = whole(1, INT32_MAX);
/** Numbers are finite: JSON's 1e999 reads as infinity. */
export const number = (min: number, expected: string) =>
  field<number>(expected, (value) => isNumber(value, min));
export const positive = number(Number.MIN_VALUE, 'a number above 0');
export const atLeastOne = number(1, 'a number from 1 on');
export const finite = number(-Infinity, 'a number');
export const positives = field<number[]>('a list of numbers above 0', (value) =>
  isListOf(value, (item) => isNumber(item, Number.MIN_VALUE)),
);
export const bool = field<boolean>('true or false', (value) => typeof value === 'boolean');
export const text = field<string>('a text', (value) => typeof value === 'string' && value !== '');
export const texts = field<string[]>('a list of texts', (value) =>
  isListOf(value, (item) => typeof item === 'string' && item !== ''),
);
export const names = field<[string, ...string[]]>(
  'a list of at least one name',
  (value) => isListOf(value, (item) => typeof item === 'string') && (value as unknown[]).length > 0,
);
/** 0 or 1, or a boolean, for each layer. */
export const switches = field<(0 | 1 | boolean)[]>('a list of zeros and ones', (value) =>
  isListOf(value, (item) => item === 0 || item === 1 || typeof item === 'boolean'),
);
/** Some tools write -1 for "none". */
export const tokenIds = field<number | number[]>(
  'a token id or a list of token ids',
  (value) => isWhole(value, -1, INT32_MAX) || isListOf(value, (item) => isWhole(item, -1, INT32_MAX)),
);
export const object = field<Readonly<Record<string, unknown>>>(
  'an object',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/**
 * Checks a parsed JSON object; fields that the schema does not name are dropped.
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
