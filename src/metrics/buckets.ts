import { UsageError } from '../core/errors';

/** Upper bounds of histograms: SGLang's own, so that its dashboards and alerts fit. Ascending; +Inf follows by itself. */

function steps(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
}

export const TTFT_SECONDS = [0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400];

export const INTER_TOKEN_SECONDS = [
  ...[0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.025, 0.03, 0.035, 0.04, 0.06, 0.08],
  ...[0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8],
];

export const E2E_SECONDS = [...TTFT_SECONDS, 600, 1200, 1800, 2400];

export const QUEUE_SECONDS = [
  ...[0, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 10, 15, 20],
  ...steps(30, 100, 10),
  ...steps(200, 1000, 100),
  ...steps(1200, 2000, 200),
  ...[2500, 3000],
];

/** From a millisecond to about 20 minutes, each 1.62 times the one before. */
export const EXPONENTIAL_SECONDS = Array.from({ length: 30 }, (_, k) => 0.001 * 1.62 ** k);

export const RETRACTIONS = [...steps(0, 10, 1), 15, 20, 25, 30, 40, 50, 75, 100];

export const SHARES = steps(1, 10, 1).map((tenths) => tenths / 10);

export const TOKEN_COUNTS = [
  ...[100, 300, 500, 700, 1000, 1500, 2000],
  ...steps(3000, 10_000, 1000),
  ...[12_000, 15_000, 20_000, 22_000, 25_000, 30_000, 35_000, 40_000, 66_000, 99_000, 132_000],
  ...[300_000, 600_000, 900_000, 1_100_000],
];

const MAX_BUCKETS = 200;

/**
 * The bounds that `--prompt-tokens-buckets` or `--generation-tokens-buckets` asks for: `default`;
 * `tse <middle> <base> <count>`, bounds that move away from the middle to both sides by powers of the base; or
 * `custom <bound> …`.
 * @param rule null is `default`
 * @throws UsageError that says what is wrong with the rule
 */
export function tokenBuckets(rule: readonly string[] | null): readonly number[] {
  const [kind = 'default', ...values] = rule ?? [];
  switch (kind) {
    case 'default':
      if (values.length > 0) throw new UsageError('default takes no values');
      return TOKEN_COUNTS;
    case 'tse':
      return twoSided(values);
    case 'custom':
      return ascending(values.map(toNumber));
    default:
      throw new UsageError(`must begin with default, tse or custom, got '${kind}'`);
  }
}

/**
 * Bounds in order, each once.
 * @throws UsageError when there are none or too many, or one is negative
 */
export function ascending(bounds: readonly number[]): readonly number[] {
  const sorted = [...new Set(bounds)].sort((a, b) => a - b);
  if (sorted.length === 0) throw new UsageError('needs at least one bound');
  if (sorted.length > MAX_BUCKETS) throw new UsageError(`has more than ${MAX_BUCKETS} bounds`);
  if ((sorted[0] ?? 0) < 0) throw new UsageError(`bounds must not be negative, got ${sorted[0]}`);
  return sorted;
}

function twoSided(values: readonly string[]): readonly number[] {
  if (values.length !== 3) throw new UsageError('tse takes three values: middle, base and count');
  const [middle = 0, base = 0, count = 0] = values.map(toNumber);
  if (!(base > 1)) throw new UsageError(`the base must be above 1, got ${base}`);
  if (!Number.isInteger(count) || count < 1 || count > MAX_BUCKETS) {
    throw new UsageError(`the count must be a whole number from 1 to ${MAX_BUCKETS}, got ${count}`);
  }
  const distances = Array.from({ length: Math.ceil(count / 2) }, (_, i) => base ** (i + 1));
  return ascending([middle, ...distances.flatMap((far) => [middle + far, Math.max(0, middle - far)])]);
}

function toNumber(text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw new UsageError(`'${text}' is not a number`);
  return value;
}

/** Of `grammar_compilation_time_seconds`. */
export const GRAMMAR_SECONDS: readonly number[] = [
  0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 90, 120, 240,
];

/** Of `grammar_schema_count`. */
export const SCHEMA_COUNTS: readonly number[] = [
  0, 1, 2, 5, 10, 20, 30, 40, 60, 80, 100, 120, 140, 160, 180, 200, 300, 400, 500, 700, 1000,
];

/** Of `grammar_ebnf_size`, characters. */
export const EBNF_CHARACTERS: readonly number[] = [
  0, 50, 100, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000, 20_000, 30_000, 50_000, 100_000,
];

/** Of `grammar_tree_traversal_time_avg` and `_max`: SGLang's, and finer ones where its first is. */
export const TRAVERSAL_SECONDS: readonly number[] = [
  0, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60,
  90, 120, 240,
];
