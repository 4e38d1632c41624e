import { UsageError } from '../core/errors';
import { argumentError } from './convert';
import type { TableFlag } from './table';

/** What the reader of a command line needs to know of an option. */
export type OptionSpec = Pick<TableFlag, 'names' | 'kind' | 'many'>;

/** An option as it was given once. */
export interface Occurrence<O extends OptionSpec = OptionSpec> {
  readonly option: O;
  /** As written; empty for a flag without a value. */
  readonly values: readonly string[];
}

export interface ReadArguments<O extends OptionSpec> {
  readonly occurrences: readonly Occurrence<O>[];
  /** Arguments that belong to no option; argparse complains about them last. */
  readonly unrecognized: readonly string[];
}

/** An argument that names an option, possibly with a value behind an equals sign. */
interface Match<O> {
  readonly option: O;
  readonly explicit: string | undefined;
}

const NEGATIVE_NUMBER = /^-\d+$|^-\d*\.\d+$/;

/**
 * Splits a command line as Python's argparse does: abbreviations of long names, `--x=value`, negative numbers as
 * values, `--` ends the options.
 * @throws UsageError for ambiguous abbreviations and missing or superfluous values
 */
export function readArguments<O extends OptionSpec>(
  argv: readonly string[],
  options: readonly O[],
): ReadArguments<O> {
  const occurrences: Occurrence<O>[] = [];
  const unrecognized: string[] = [];
  let at = 0;

  rejectAmbiguous(argv, options);

  const takeValues = (limit: number): string[] => {
    const values: string[] = [];
    for (; at < argv.length && values.length < limit; at++) {
      const next = argv[at] ?? '';
      if (next === '--' || looksLikeOption(next, options)) break;
      values.push(next);
    }
    return values;
  };

  while (at < argv.length) {
    const argument = argv[at++] ?? '';
    if (argument === '--') {
      unrecognized.push(argument, ...argv.slice(at));
      break;
    }
    const match = matchOption(argument, options);
    if (!match) {
      unrecognized.push(argument);
      continue;
    }
    const { option, explicit } = match;
    const values = explicit === undefined ? takeValues(valueLimit(option)) : [explicit];
    occurrences.push(makeOccurrence(option, values));
  }
  return { occurrences, unrecognized };
}

/** argparse looks at every argument before it reads the first one, so an ambiguous one is reported first. */
function rejectAmbiguous(argv: readonly string[], options: readonly OptionSpec[]): void {
  const end = argv.indexOf('--');
  for (const argument of end === -1 ? argv : argv.slice(0, end)) matchOption(argument, options);
}

function valueLimit({ kind, many }: OptionSpec): number {
  if (kind === 'flag') return 0;
  return many ? Infinity : 1;
}

/** Checks that an option has as many values as it takes. */
export function makeOccurrence<O extends OptionSpec>(option: O, values: readonly string[]): Occurrence<O> {
  if (option.kind === 'flag') {
    if (values.length > 0) throw argumentError(option, `ignored explicit argument '${values.join(' ')}'`);
  } else if (values.length === 0) {
    if (option.many === '+') throw argumentError(option, 'expected at least one argument');
    if (!option.many) throw argumentError(option, 'expected one argument');
  }
  return { option, values };
}

/** The option an argument names, if it names one. */
export function matchOption<O extends OptionSpec>(
  argument: string,
  options: readonly O[],
): Match<O> | undefined {
  if (!argument.startsWith('-')) return undefined;
  const exact = options.find(({ names }) => names.includes(argument));
  if (exact) return { option: exact, explicit: undefined };

  const equals = argument.indexOf('=');
  const name = equals === -1 ? argument : argument.slice(0, equals);
  const explicit = equals === -1 ? undefined : argument.slice(equals + 1);
  const option = options.find(({ names }) => names.includes(name)) ?? expand(argument, name, options);
  return option && { option, explicit };
}

/** The only option one of whose names starts with `prefix`. */
function expand<O extends OptionSpec>(
  argument: string,
  prefix: string,
  options: readonly O[],
): O | undefined {
  if (!prefix.startsWith('--') || prefix === '--') return undefined;
  const found = options.flatMap((option) =>
    option.names.filter((name) => name.startsWith(prefix)).map((name) => ({ option, name })),
  );
  if (new Set(found.map(({ option }) => option)).size > 1) {
    const names = found.map(({ name }) => name).join(', ');
    throw new UsageError(`ambiguous option: ${argument} could match ${names}`);
  }
  return found[0]?.option;
}

function looksLikeOption(argument: string, options: readonly OptionSpec[]): boolean {
  if (!argument.startsWith('-') || argument === '-') return false;
  if (matchOption(argument, options)) return true;
  return !NEGATIVE_NUMBER.test(argument) && !argument.includes(' ');
}
