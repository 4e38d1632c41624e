import { UsageError } from '../core/errors';
import { readArguments, type Occurrence, type ReadArguments } from './argv';
import { CONFIG, convertOccurrences, HELP, HELP_ALL, helpPage, VERSION } from './command';
import { suggest } from '../core/suggest';
import { readConfigFile } from './config-file';
import { packageVersion } from '../core/package';
import { TABLE, type FlagKey, type FlagValues, type TableFlag } from './table';

/** The flags as given, with the defaults of the table, not yet resolved. */
export interface ParsedFlags {
  readonly values: FlagValues;
  /** Flags that the command line or the config file set. */
  readonly given: ReadonlySet<FlagKey>;
}

/** What a command line asks for: to run the server, or to print a text to stdout and exit with code 0. */
export type CommandLine =
  { readonly kind: 'run'; readonly flags: ParsedFlags } | { readonly kind: 'print'; readonly text: string };

type AnyOption = TableFlag | typeof HELP | typeof HELP_ALL | typeof VERSION | typeof CONFIG;

const OPTIONS: readonly AnyOption[] = [HELP, HELP_ALL, VERSION, CONFIG, ...TABLE];

/**
 * Reads a command line and the file that `--config` names.
 * @param argv arguments after the name of the command
 * @throws UsageError worded as argparse does
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const line = readArguments(argv, OPTIONS);
  const asked = new Set(line.occurrences.map(({ option }) => option));
  if (asked.has(HELP)) return { kind: 'print', text: helpPage(false) };
  if (asked.has(HELP_ALL)) return { kind: 'print', text: helpPage(true) };
  if (asked.has(VERSION)) return { kind: 'print', text: `sglang-node ${packageVersion()}\n` };

  const config = configPath(line.occurrences);
  const file = config.path === null ? NOTHING : readConfigFile(config.path, TABLE);
  const values = convertOccurrences([...file.occurrences, ...line.occurrences.filter(isOfTable)]);
  const unrecognized = [...file.unrecognized, ...config.rest, ...line.unrecognized];
  if (unrecognized.length > 0) {
    throw new UsageError(`unrecognized arguments: ${unrecognized.join(' ')}${meant(unrecognized)}`);
  }
  return { kind: 'run', flags: withDefaults(values) };
}

/** What mistyped flags were most likely meant to be, in words. */
function meant(unrecognized: readonly string[]): string {
  const known = OPTIONS.flatMap(({ names }) => names.filter((name) => name.startsWith('--')));
  const guesses = unrecognized
    .filter((argument) => argument.startsWith('--') && argument.length > 3)
    .map((argument) => suggest(argument.split('=')[0] ?? '', known))
    .filter((guess) => guess !== null);
  return guesses.length === 0 ? '' : ` (did you mean ${[...new Set(guesses)].join(', ')}?)`;
}

const NOTHING: ReadArguments<TableFlag> = { occurrences: [], unrecognized: [] };

function isOfTable(occurrence: Occurrence<AnyOption>): occurrence is Occurrence<TableFlag> {
  return 'key' in occurrence.option;
}

/** The file behind `--config`, and what stands behind the file without belonging to any option. */
function configPath(occurrences: readonly Occurrence<AnyOption>[]): { path: string | null; rest: string[] } {
  const [config, second] = occurrences.filter(({ option }) => option === CONFIG);
  if (second) throw new UsageError('Multiple config files specified! Only one allowed.');
  if (!config) return { path: null, rest: [] };
  const [path, ...rest] = config.values;
  if (!path) throw new UsageError('No config file specified after --config flag!');
  return { path, rest };
}

function withDefaults(given: ReadonlyMap<TableFlag, unknown>): ParsedFlags {
  const entries = TABLE.map((flag) => [flag.key, given.has(flag) ? given.get(flag) : flag.default]);
  return {
    // The converters make values of the very types that the table's defaults declare.
    values: Object.fromEntries(entries) as FlagValues,
    given: new Set([...given.keys()].map((flag) => flag.key)),
  };
}
