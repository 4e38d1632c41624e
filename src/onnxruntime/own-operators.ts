import type { LibraryHandle } from 'koffi';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { env } from '../core/env';
import { packageRoot } from '../core/package';
import { openLibrary } from '../core/native-library';
import { ortLibrary, type Pointer } from './library';

/** The newest kernels there are: AVX-512. */
const BEST_KERNELS = 4;

let found: string | null | undefined;
/** Held because koffi unloads a library when its handle is collected, and this one has to remember its kernels. */
let held: LibraryHandle | null = null;

/**
 * The library of this project's own operators, which sessions on the CPU may compute with: attention over rows of keys and values,
 * rounding to 8 bits. null where it was not compiled for the machine, the processor lacks the instructions, or SGLANG_USE_OWN_OPERATORS
 * says so; graphs are made of ONNX Runtime's operators then.
 */
export function ownOperators(): string | null {
  found ??= find();
  return env('SGLANG_USE_OWN_OPERATORS') ? found : null;
}

/** Lets a session that is created with these options compute the operators. @throws OrtError */
export function registerOwnOperators(options: Pointer, library: string): void {
  ortLibrary().call('RegisterCustomOpsLibrary_V2', options, library);
}

/** Where the operators lie that were compiled for this machine, if they were. */
export function ownOperatorsFile(): string {
  return join(packageRoot(), 'native', 'prebuilt', `${process.platform}-${process.arch}`, 'operators.so');
}

function find(): string | null {
  const file = ownOperatorsFile();
  if (!existsSync(file)) return null;
  try {
    held = openLibrary(file);
    const useKernels = held.func('int sglang_use_kernels(int most)') as (most: number) => number;
    return useKernels(BEST_KERNELS) > 0 ? file : null;
  } catch {
    // Another C library than it was linked with, say.
    return null;
  }
}
