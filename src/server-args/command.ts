import { Command, Option } from 'commander';

import type { Occurrence, OptionSpec } from './argv';
import { convertValue } from './convert';
import { TABLE, type FlagKey, type TableFlag } from './table';

const NAME = 'launch_server';

/** Options that are no server arguments: they steer the command itself. */
export const HELP = { names: ['--help', '-h'], kind: 'flag' } as const satisfies OptionSpec;
export const HELP_ALL = { names: ['--help-all'], kind: 'flag' } as const satisfies OptionSpec;
export const VERSION = { names: ['--version'], kind: 'flag' } as const satisfies OptionSpec;
/** Reads any number of values, so that its own messages say what is wrong with them. */
export const CONFIG = { names: ['--config'], kind: 'str', many: '*' } as const satisfies OptionSpec;

/** What follows a flag in help: the choices, or the name of its value. */
export function valueForm(flag: TableFlag): string {
  if (flag.kind === 'flag') return '';
  const one = flag.choices ? `{${flag.choices.join(',')}}` : flag.field.toUpperCase();
  if (!flag.many) return one;
  return flag.many === '+' ? `${one} [${one} ...]` : `[${one} ...]`;
}

/** One sentence on what becomes of a flag, or of some of its values, that this server does not act on. */
export function supportNote({ support }: Pick<TableFlag, 'support'>): string {
  if (support.kind === 'yes') return '';
  const what = support.allowed ? 'Other values are' : 'It is';
  switch (support.kind) {
    case 'warn':
      return `${what} without effect: ${support.reason}.`;
    case 'reject':
      return `${what} refused: ${support.reason}.`;
    case 'later':
      return `${what} refused: ${support.reason} is not available yet.`;
  }
}

function helpText(flag: TableFlag): string {
  const fallback =
    flag.kind === 'flag' || flag.default === null ? '' : `Default: ${JSON.stringify(flag.default)}.`;
  return [flag.help, fallback, supportNote(flag)].filter(Boolean).join(' ');
}

function toOption(flag: TableFlag): Option {
  const takes = flag.kind === 'flag' ? '' : flag.many ? ' [value...]' : ' <value>';
  const option = new Option(flag.names[0] + takes, helpText(flag)).helpGroup(`${flag.topic}:`);
  if (flag.kind === 'flag') return option;
  return option.argParser((text: string, previous: unknown) => {
    const value = convertValue(flag, text);
    if (!flag.many) return value;
    return Array.isArray(previous) ? [...(previous as unknown[]), value] : [value];
  });
}

/** The command with some or all of the flags; a run of the server reads only those it was given. */
function buildCommand(known: Iterable<TableFlag>): {
  command: Command;
  options: ReadonlyMap<TableFlag, Option>;
} {
  const options = new Map([...known].map((flag) => [flag, toOption(flag)]));
  const flags = new Map([...options].map(([flag, option]) => [option, flag]));
  const command = new Command(NAME)
    .usage('[options]')
    .description("Serves a Hugging Face checkpoint over SGLang's HTTP API.")
    .helpOption('-h, --help', 'Show the flags that most servers need, and exit.')
    .option('--help-all', 'Show all flags and exit.')
    .version('', '--version', 'Show the version and exit.')
    .option('--config <file>', 'YAML file of flags; the command line wins over it.')
    .exitOverride();
  for (const option of options.values()) command.addOption(option);
  command.configureHelp({
    helpWidth: 110,
    optionTerm(option) {
      const flag = flags.get(option);
      return flag ? `${flag.names.join(', ')} ${valueForm(flag)}`.trimEnd() : option.flags;
    },
    formatItem(term, _termWidth, description, helper) {
      const text = helper.boxWrap(description, 100);
      return `  ${term}\n${text.replace(/^/gm, '      ')}`;
    },
  });
  return { command, options };
}

/** The values that occurrences give to flags; of several of one flag all are checked and the last one counts. */
export function convertOccurrences(
  occurrences: readonly Occurrence<TableFlag>[],
): ReadonlyMap<TableFlag, unknown> {
  const last = new Map(occurrences.map((occurrence) => [occurrence.option, occurrence]));
  const { command, options } = buildCommand(last.keys());
  // commander would join the values of several occurrences of a list.
  const effective = occurrences.filter((it) => !it.option.many || it === last.get(it.option));
  const argv = effective.flatMap(({ option: { names }, values }) =>
    values.length === 0 ? [names[0]] : values.map((value) => `${names[0]}=${value}`),
  );
  command.parse(argv, { from: 'user' });

  const valueOf = (flag: TableFlag, option: Option): unknown => {
    const value: unknown = command.getOptionValue(option.attributeName());
    return flag.many && value === true ? [] : value;
  };
  return new Map([...options].map(([flag, option]) => [flag, valueOf(flag, option)]));
}

/** What --help shows: the flags that people reach for. --help-all shows every one. */
const COMMON: ReadonlySet<FlagKey> = new Set<FlagKey>([
  'modelPath',
  'tokenizerPath',
  'servedModelName',
  'contextLength',
  'isEmbedding',
  'host',
  'port',
  'apiKey',
  'adminApiKey',
  'device',
  'memFractionStatic',
  'maxTotalTokens',
  'maxRunningRequests',
  'maxQueuedRequests',
  'chunkedPrefillSize',
  'schedulePolicy',
  'disableRadixCache',
  'randomSeed',
  'watchdogTimeout',
  'drainTimeout',
  'logLevel',
  'logRequests',
  'crashDumpFolder',
  'enableMetrics',
]);

/** @param all whether to show every flag, also those that are refused or without effect */
export function helpPage(all: boolean): string {
  const shown = all ? TABLE : TABLE.filter(({ key }) => COMMON.has(key));
  const { command } = buildCommand(shown);
  return (
    command.helpInformation() + (all ? '' : `\nAll ${TABLE.length} flags: --help-all, or docs/flags.md\n`)
  );
}

/** What goes to stderr before exit code 2, as argparse prints it. */
export function usageErrorText(message: string): string {
  return `usage: ${NAME} [-h] [--model-path MODEL_PATH] [--port PORT] [--config FILE] ...\n${NAME}: error: ${message}\n`;
}
