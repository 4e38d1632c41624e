import { existsSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';

import { parse } from 'yaml';

import { errorMessage, UsageError } from '../core/errors';
import { makeOccurrence, matchOption, type Occurrence, type OptionSpec, type ReadArguments } from './argv';
import { argumentError } from './convert';
import { pythonRepr } from '../logging/python-repr';

/**
 * Reads the flags of a YAML file; keys are flag names with dashes or underscores. They count as if they stood before
 * the command line, so the command line wins.
 * @throws UsageError if the file is missing, not YAML, or has no mapping at its root
 */
export function readConfigFile<O extends OptionSpec>(path: string, options: readonly O[]): ReadArguments<O> {
  const extension = extname(path);
  if (!['.yaml', '.yml'].includes(extension.toLowerCase())) {
    throw new UsageError(`Config file must be YAML format, got: ${extension}`);
  }
  if (!existsSync(path)) throw new UsageError(`Config file not found: ${path}`);

  const occurrences: Occurrence<O>[] = [];
  const unrecognized: string[] = [];
  for (const [key, value] of Object.entries(parseMapping(path))) {
    const name = `--${key.replaceAll('_', '-')}`;
    const match = matchOption(name, options);
    if (match && match.explicit === undefined) occurrences.push(...toOccurrence(match.option, value));
    else unrecognized.push(name, ...toValues(value));
  }
  return { occurrences, unrecognized };
}

function parseMapping(path: string): object {
  let root: unknown;
  try {
    root = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`Config file ${path} cannot be read: ${errorMessage(error)}`);
  }
  if (root === null || root === undefined) return {};
  if (typeof root !== 'object' || Array.isArray(root)) {
    throw new UsageError('Config file must contain a dictionary at root level');
  }
  return root;
}

/** At most one occurrence: null, false and an empty list leave the flag out. */
function toOccurrence<O extends OptionSpec>(option: O, value: unknown): Occurrence<O>[] {
  if (value === null) return [];
  if (option.kind === 'flag') return isTrue(option, value) ? [makeOccurrence(option, [])] : [];
  if (Array.isArray(value) && option.kind !== 'json_list') {
    if (value.length === 0) return [];
    if (!option.many && value.length > 1) {
      throw argumentError(option, `expected one argument, got the list ${pythonRepr(value)}`);
    }
    return [makeOccurrence(option, toValues(value))];
  }
  return [makeOccurrence(option, [toText(value)])];
}

/** YAML 1.1 spells booleans in more ways than YAML 1.2 reads; all of them are common in such files. */
function isTrue(option: OptionSpec, value: unknown): boolean {
  const word = String(value).toLowerCase();
  if (['true', 'yes', 'on'].includes(word)) return true;
  if (['false', 'no', 'off'].includes(word)) return false;
  throw argumentError(option, `expected true or false, got ${pythonRepr(value)}`);
}

function toValues(value: unknown): string[] {
  return Array.isArray(value) ? value.map(toText) : [toText(value)];
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
