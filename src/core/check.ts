/**
 * Checks of plain data, small enough to run on every message of every step. A check of `T` says whether a value has the
 * shape of a `T`, as far as a receiver uses it without a further look.
 */
export interface Check<T> {
  (value: unknown): boolean;
  /** Only there for the compiler: the type that the check is for. */
  readonly of?: T;
}

/** The type a check is for. */
export type Checked<C> = C extends Check<infer T> ? T : never;

/** A check by a function of one's own. */
export const is = <T>(check: (value: unknown) => boolean): Check<T> => check;

export const string: Check<string> = (value) => typeof value === 'string';
export const number: Check<number> = (value) => typeof value === 'number';
export const boolean: Check<boolean> = (value) => typeof value === 'boolean';
/** Token ids. */
export const tokens: Check<Int32Array> = (value) => value instanceof Int32Array;
/** A list whose members are not looked at. */
export const list = <T>(): Check<readonly T[]> => Array.isArray;

export const nullOr =
  <T>(check: Check<T>): Check<T | null> =>
  (value) =>
    value === null || check(value);

export const listOf =
  <T>(check: Check<T>): Check<readonly T[]> =>
  (value) =>
    Array.isArray(value) && value.every((item) => check(item));

export const oneOf =
  <const T extends string>(...words: readonly T[]): Check<T> =>
  (value) =>
    (words as readonly unknown[]).includes(value);

/** An object with all fields of `T`; others are not looked at. A field that is forgotten does not compile. */
export function fields<T extends object>(checks: { readonly [K in keyof T]-?: Check<T[K]> }): Check<T> {
  const entries = Object.entries<Check<unknown>>(checks);
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    entries.every(([name, check]) => check((value as Readonly<Record<string, unknown>>)[name]));
}
