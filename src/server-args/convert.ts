import { UsageError } from '../core/errors';
import type { Range } from './flag';
import { pythonRepr } from '../logging/python-repr';
import { displayName, type TableFlag } from './table';

/** An error in argparse's form for one flag. */
export function argumentError(flag: Pick<TableFlag, 'names'>, message: string): UsageError {
  return new UsageError(`argument ${displayName(flag)}: ${message}`);
}

const INT = /^[+-]?\d+(_\d+)*$/;
const FLOAT = /^[+-]?(\d+(_\d+)*(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

function toNumber(text: string, form: RegExp): number | undefined {
  const trimmed = text.trim();
  if (!form.test(trimmed)) return undefined;
  const value = Number(trimmed.replaceAll('_', ''));
  return Number.isFinite(value) ? value : undefined;
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text as a value of the flag's type, or undefined. */
function typedValue(flag: TableFlag, text: string): unknown {
  switch (flag.kind) {
    case 'str':
      return flag.lowercase ? text.toLowerCase() : text;
    case 'int': {
      const value = toNumber(text, INT);
      return Number.isSafeInteger(value) ? value : undefined;
    }
    case 'float':
      return toNumber(text, FLOAT);
    case 'json': {
      const value = toJson(text);
      return isObject(value) ? value : undefined;
    }
    case 'json_list': {
      const value = toJson(text);
      return Array.isArray(value) ? value : undefined;
    }
    case 'flag':
      return undefined;
  }
}

/** Names of the types in messages: the Python functions that convert them upstream. */
const TYPE_NAMES = {
  str: 'str',
  int: 'int',
  float: 'float',
  json: 'loads',
  json_list: 'json_list_type',
  flag: 'bool',
} as const;

function within(range: Range, value: number): boolean {
  if (value === range.or) return true;
  const { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity } = range;
  return value >= min && value <= max && value > above && value < below;
}

function describeRange({ or, min, above, max, below }: Range): string {
  const bounds = [
    min !== undefined && `at least ${min}`,
    above !== undefined && `above ${above}`,
    max !== undefined && `at most ${max}`,
    below !== undefined && `below ${below}`,
  ].filter((bound) => bound !== false);
  return (or === undefined ? '' : `${or} or `) + bounds.join(' and ');
}

/**
 * One value of a flag from its text.
 * @throws UsageError as argparse words it, or naming the range
 */
export function convertValue(flag: TableFlag, text: string): unknown {
  const value = typedValue(flag, text);
  if (value === undefined) {
    throw argumentError(flag, `invalid ${TYPE_NAMES[flag.kind]} value: ${pythonRepr(text)}`);
  }
  if (flag.choices && !flag.choices.some((allowed) => allowed === value)) {
    const list = flag.choices.map((allowed) => pythonRepr(allowed)).join(', ');
    throw argumentError(flag, `invalid choice: ${pythonRepr(value)} (choose from ${list})`);
  }
  if (flag.nonEmpty && value === '') throw argumentError(flag, 'must not be empty');
  if (flag.range && typeof value === 'number' && !within(flag.range, value)) {
    throw argumentError(flag, `must be ${describeRange(flag.range)}, got ${value}`);
  }
  return value;
}
