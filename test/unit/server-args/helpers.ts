import type { Machine } from '../../../src/server-args/machine';
import { parseCommandLine, type ParsedFlags } from '../../../src/server-args/parse';
import { resolveServerArgs, type ResolvedServerArgs } from '../../../src/server-args/resolve';

/** A machine without GPU, whose drawn values a test can tell from given ones. */
export const MACHINE: Machine = {
  env: {},
  cudaMemoryMiB: null,
  drawnSeed: 4711,
  bundledModelPath: '/package/models/demo',
};

/** The flags of a command line that asks to run the server. */
export function flagsOf(...argv: string[]): ParsedFlags {
  const line = parseCommandLine(argv);
  if (line.kind !== 'run') throw new Error(`${argv.join(' ')} prints a text`);
  return line.flags;
}

export function resolve(argv: readonly string[], machine: Partial<Machine> = {}): ResolvedServerArgs {
  return resolveServerArgs(flagsOf(...argv), { ...MACHINE, ...machine });
}

/** The message of the error that `action` throws; fails when it throws none. */
export function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return `${error.name}: ${error.message}`;
  }
  throw new Error('nothing was thrown');
}
