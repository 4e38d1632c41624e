import { UsageError } from '../core/errors';
import { applyFlags } from '../launcher/apply-flags';
import { parseCommandLine, type ServerArgs } from '../server-args';

/**
 * Server arguments by the names of `launch_server`'s flags, in camelCase or as SGLang writes them: `modelPath` or
 * `model_path` for `--model-path`. A flag without a value is `true` or left out; lists and objects are given as such.
 */
export type EngineArgs = { readonly [name: string]: ArgValue | undefined };

export type ArgValue =
  string | number | boolean | null | readonly (string | number)[] | { readonly [name: string]: unknown };

/**
 * The arguments as the command would have them, and its log.
 * @param args named, or a command line
 * @param logLevel unless the arguments say otherwise
 * @throws UsageError naming the argument that is wrong
 */
export function readEngineArgs(args: EngineArgs | readonly string[], logLevel: string): ServerArgs {
  const argv: readonly string[] = isCommandLine(args) ? args : Object.entries(args).flatMap(toArguments);
  const command = parseCommandLine(['--log-level', logLevel, ...argv]);
  if (command.kind === 'print') throw new UsageError(`${argv.join(' ')} prints a text and starts nothing`);
  return applyFlags(command.flags);
}

function isCommandLine(args: EngineArgs | readonly string[]): args is readonly string[] {
  return Array.isArray(args);
}

function toArguments([name, value]: [string, ArgValue | undefined]): string[] {
  const flag = `--${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replaceAll('_', '-')}`;
  if (value === undefined || value === null || value === false) return [];
  if (value === true) return [flag];
  if (Array.isArray(value)) return [flag, ...value.map(String)];
  return [`${flag}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`];
}
