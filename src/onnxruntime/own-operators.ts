import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../core/package';
import { openLibrary } from '../core/native-library';
import { ortLibrary, type Pointer } from './library';

/** The domain of the operators in `native`. */
export const OWN_DOMAIN = 'sglang';

let path: string | null | undefined;

/**
 * The library of this project's own operators, which sessions on the CPU may compute with: attention over rows of keys and values,
 * rounding to 8 bits. null where it was not compiled for the machine, or the processor lacks the instructions; graphs are made of ONNX
 * Runtime's operators then.
 */
export function ownOperators(): string | null {
  path ??= find();
  return path;
}

/** Lets a session that is created with these options compute the operators. @throws OrtError */
export function registerOwnOperators(options: Pointer, library: string): void {
  ortLibrary().call('RegisterCustomOpsLibrary_V2', options, library);
}

function find(): string | null {
  const file = join(
    packageRoot(),
    'native',
    'prebuilt',
    `${process.platform}-${process.arch}`,
    'operators.so',
  );
  if (!existsSync(file)) return null;
  try {
    const level = openLibrary(file).func('int sglang_kernel_level()') as () => number;
    return level() > 0 ? file : null;
  } catch {
    // Another C library than it was linked with, say.
    return null;
  }
}
