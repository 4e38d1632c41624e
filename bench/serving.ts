import { CommanderError } from 'commander';
import { errorMessage } from '../src/core/errors';
import { parseOptions } from './serving/options';
import { runBenchmark } from './serving/run';

/** `npm run bench:serving -- <flags>`. Exit codes: 0, 1 when nothing succeeded, 2 for a wrong command line. */
async function main(): Promise<number> {
  const { completed } = await runBenchmark(parseOptions(process.argv.slice(2)), (text) => console.log(text));
  return completed > 0 ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    console.error(`bench:serving: ${errorMessage(error)}`);
    process.exitCode = 1;
  },
);
