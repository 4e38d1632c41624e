import { openLibrary } from '../../../../src/core/native-library';
import { ownOperators } from '../../../../src/onnxruntime/own-operators';

/** What tests of the operators of `native` have in common: they compare them with sums in double precision. */

export const library = ownOperators();
export const here = library === null ? describe.skip : describe;
/** Has operators compute with the best kernels of at most this level. @returns their level */
export const use =
  library === null
    ? () => 0
    : (openLibrary(library).func('int sglang_use_kernels(int most)') as (most: number) => number);
/** Levels that the processor has. */
export const KERNELS = library === null ? [] : [...new Set([use(3), use(4), use(5)])];

export function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 30 - 1;
}
export const floats = (length: number, next: () => number, size = 1) =>
  Float32Array.from({ length }, () => next() * size);

export const SETTINGS = { intraOpThreads: 2, externalDataFolder: null, provider: null, operators: library };

/** The largest distance between two numbers of the same place. */
export const worst = (actual: ArrayLike<number>, expected: readonly number[]) =>
  expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (actual[i] ?? NaN))), 0);
