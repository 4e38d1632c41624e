import type { LibraryHandle } from 'koffi';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { env } from './env';
import { openLibrary } from './native-library';
import { packageRoot } from './package';

/** Levels of `native/operators.c`: the newest kernels there are, and the oldest that multiply. */
const BEST_KERNELS = 5;
const MULTIPLYING_KERNELS = 5;

/** The compiled library of `native`. */
export interface OwnKernels {
  /** Where it lies, for sessions that compute with its operators. */
  readonly file: string;
  /** The index of the largest of the first `count` numbers, the lowest one among equals; -1 where one is NaN or all are -Infinity. */
  readonly largest: (row: Float32Array, count: number) => number;
  /** Whether they multiply rows and weights in 8 bits. */
  readonly multiplies: boolean;
}

let found: OwnKernels | null | undefined;
/** Held because koffi unloads a library when its handle is collected, and this one has to remember its kernels. */
let held: LibraryHandle | null = null;

/**
 * The library of this project's own kernels. null where it was not compiled for the machine, the processor lacks the instructions, or
 * SGLANG_USE_OWN_OPERATORS says so: others compute then.
 */
export function ownKernels(): OwnKernels | null {
  if (found === undefined) found = open(ownKernelsFile());
  return env('SGLANG_USE_OWN_OPERATORS') ? found : null;
}

/** Where the library lies that was compiled for this machine, if one was. */
export function ownKernelsFile(): string {
  return join(packageRoot(), 'native', 'prebuilt', `${process.platform}-${process.arch}`, 'operators.so');
}

function open(file: string): OwnKernels | null {
  if (!existsSync(file)) return null;
  try {
    held = openLibrary(file);
    const useKernels = held.func('int sglang_use_kernels(int most)') as (most: number) => number;
    const largest = held.func('int sglang_largest(const float *row, size_t count)') as OwnKernels['largest'];
    const level = useKernels(BEST_KERNELS);
    return level > 0 ? { file, largest, multiplies: level >= MULTIPLYING_KERNELS } : null;
  } catch {
    // Another C library than it was linked with, say.
    return null;
  }
}
