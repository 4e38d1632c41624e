#!/usr/bin/env node
import './core/working-directory';
import { stopSignals } from './launcher/process-signals';
import { UsageError } from './core/errors';
import { parseCommandLine, usageErrorText } from './server-args';
import { keepRunningWithoutLog } from './logging/log-pipe';
import { applyFlags } from './launcher/apply-flags';
import { serve } from './launcher/serve';

/** The command `launch_server`. Exit codes: 0 stopped as asked, 1 failed, 2 wrong command line. */
async function main(argv: readonly string[]): Promise<number> {
  keepRunningWithoutLog();
  try {
    const command = parseCommandLine(argv);
    if (command.kind === 'print') {
      process.stdout.write(command.text);
      return 0;
    }
    const args = applyFlags(command.flags);
    hideKeys(argv, [args.apiKey, args.adminApiKey]);
    return await serve(args, stopSignals);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(usageErrorText(error.message));
    return 2;
  }
}

/** Other users of the machine see the command lines of its processes. */
function hideKeys(argv: readonly string[], keys: readonly (string | null)[]): void {
  const secrets = keys.filter((key) => key !== null && key !== '') as string[];
  if (secrets.length === 0) return;
  const shown = argv.map((argument) => secrets.reduce((text, key) => text.replaceAll(key, '***'), argument));
  process.title = ['launch_server', ...shown].join(' ');
}

void main(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
