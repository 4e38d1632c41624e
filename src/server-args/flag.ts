/** One flag of the command line, and the small builders the tables under flags/ are written with. */

export type FlagKind = 'str' | 'int' | 'float' | 'flag' | 'json' | 'json_list';

/** A JSON object, as `json` flags require. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * What happens when a flag is set to another value than its default:
 * - `yes`:    it has the effect its help names
 * - `warn`:   accepted, one warning at start, no effect
 * - `reject`: start-up ends with `argument --x: <reason>`
 * - `later`:  start-up ends with `argument --x: <reason> is not available yet`
 *
 * `allowed` are values besides the default that need no such answer.
 */
export type Support =
  | { readonly kind: 'yes' }
  | {
      readonly kind: 'warn' | 'reject' | 'later';
      readonly reason: string;
      readonly allowed?: readonly unknown[];
    };

export const yes: Support = { kind: 'yes' };

/** @param reason why the flag has no effect; follows "has no effect: " */
export function warn(reason: string, allowed?: readonly unknown[]): Support {
  return { kind: 'warn', reason, ...(allowed && { allowed }) };
}

/** @param reason why another value is refused; follows "argument --x: " */
export function reject(reason: string, allowed?: readonly unknown[]): Support {
  return { kind: 'reject', reason, ...(allowed && { allowed }) };
}

/** @param feature a noun in the singular; " is not available yet" follows it */
export function later(feature: string, allowed?: readonly unknown[]): Support {
  return { kind: 'later', reason: feature, ...(allowed && { allowed }) };
}

/** Bounds of a number, inclusive but for `above` and `below`; `or` is a single value outside them. */
export interface Range {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
  readonly or?: number;
}

/** What most flags leave out. */
export interface FlagDetails {
  /** Long names, the first one canonical; by default the key in kebab-case. */
  readonly names?: readonly string[];
  /** By default the support of the topic. */
  readonly support?: Support;
  readonly range?: Range;
  /** Never shown in /server_info or in logs. */
  readonly secret?: boolean;
  /** Refuses the empty string. */
  readonly nonEmpty?: boolean;
  /** Compares and stores the value in lower case. */
  readonly lowercase?: boolean;
  /** SGLang keeps this JSON as text; so /server_info shows text. */
  readonly publishedAsText?: boolean;
}

/** A flag whose value, once parsed, is a `T`. */
export interface Flag<T = unknown> extends FlagDetails {
  readonly kind: FlagKind;
  /** `+`: one or more values, `*`: any number. The value is then an array. */
  readonly many?: '+' | '*';
  readonly choices?: readonly (string | number)[];
  /** The value when the flag is not given; null means "unset". */
  readonly default: T;
  /** One or two sentences for --help and docs/flags.md. */
  readonly help: string;
}

export function str<D extends string | null | false>(
  fallback: D,
  help: string,
  details: FlagDetails = {},
): Flag<string | D> {
  return { kind: 'str', default: fallback, help, ...details };
}

export function int<D extends number | null>(
  fallback: D,
  help: string,
  details: FlagDetails = {},
): Flag<number | D> {
  return { kind: 'int', default: fallback, help, ...details };
}

export function float<D extends number | null>(
  fallback: D,
  help: string,
  details: FlagDetails = {},
): Flag<number | D> {
  return { kind: 'float', default: fallback, help, ...details };
}

/** A flag without a value: given is true. */
export function flag(help: string, details: FlagDetails = {}): Flag<boolean> {
  return { kind: 'flag', default: false, help, ...details };
}

/** A flag without a value whose absence SGLang reports as null. */
export function optionalFlag(help: string, details: FlagDetails = {}): Flag<boolean | null> {
  return { kind: 'flag', default: null, help, ...details };
}

/** One of a fixed list; a list of numbers makes the flag an integer. */
export function choice<const V extends string | number, const D extends V | null>(
  choices: readonly V[],
  fallback: D,
  help: string,
  details: FlagDetails = {},
): Flag<V | D> {
  const kind = typeof choices[0] === 'number' ? 'int' : 'str';
  return { kind, choices, default: fallback, help, ...details };
}

export function strs<D extends readonly string[] | null>(
  many: '+' | '*',
  fallback: D,
  help: string,
  details: FlagDetails = {},
): Flag<readonly string[] | D> {
  return { kind: 'str', many, default: fallback, help, ...details };
}

export function ints(
  many: '+' | '*',
  help: string,
  details: FlagDetails = {},
): Flag<readonly number[] | null> {
  return { kind: 'int', many, default: null, help, ...details };
}

export function floats(
  many: '+' | '*',
  help: string,
  details: FlagDetails = {},
): Flag<readonly number[] | null> {
  return { kind: 'float', many, default: null, help, ...details };
}

/** A JSON object. */
export function json<D extends JsonObject | null>(
  fallback: D,
  help: string,
  details: FlagDetails = {},
): Flag<JsonObject | D> {
  return { kind: 'json', default: fallback, help, ...details };
}

/** A JSON array. */
export function jsonList(help: string, details: FlagDetails = {}): Flag<readonly unknown[] | null> {
  return { kind: 'json_list', default: null, help, ...details };
}

/** Flags that belong together in --help and docs/flags.md; keys are the field names in camelCase. */
export interface Topic<F extends Readonly<Record<string, Flag>> = Readonly<Record<string, Flag>>> {
  readonly title: string;
  /** Support of the flags that state none themselves. */
  readonly support: Support;
  readonly flags: F;
}

export function topic<F extends Readonly<Record<string, Flag>>>(
  title: string,
  support: Support,
  flags: F,
): Topic<F> {
  return { title, support, flags };
}
