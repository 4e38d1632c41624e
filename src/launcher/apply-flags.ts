import { checkEnv } from '../core/env';
import { configureLogging, logger } from '../logging/logger';
import { readMachine, resolveServerArgs, type ServerArgs } from '../server-args';
import type { ParsedFlags } from '../server-args/parse';

/**
 * What every start begins with: resolves the flags on this machine, sets the log up by them, and says what is worth saying of
 * them.
 * @throws UsageError for flags that are refused, and for variables of the environment that are no such value
 */
export function applyFlags(flags: ParsedFlags): ServerArgs {
  checkEnv();
  const { args, warnings, infos } = resolveServerArgs(flags, readMachine(flags));
  configureLogging(args.logLevel, args.logLevelHttp);
  for (const text of infos) logger.log('info', text);
  for (const text of warnings) logger.log('warning', text);
  return args;
}
