import { UsageError } from '../core/errors';
import { ascending, tokenBuckets } from '../metrics/buckets';
import { RESERVED_LABELS } from '../metrics/table';
import { argumentError } from './convert';
import { flagOf, type FlagKey, type FlagValues } from './table';

/** What Prometheus takes for the name of a label; those that begin with two underscores are its own. */
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
const MAX_LABELS = 16;

/** Refuses buckets and labels that no metric can have. @throws UsageError naming the flag */
export function checkMetricFlags(values: FlagValues): void {
  const seconds = ['bucketTimeToFirstToken', 'bucketInterTokenLatency', 'bucketE2eRequestLatency'] as const;
  for (const key of seconds) of(key, () => void (values[key] && ascending(values[key])));
  for (const key of ['promptTokensBuckets', 'generationTokensBuckets'] as const) {
    of(key, () => void tokenBuckets(values[key]));
  }
  const extra = Object.entries(values.extraMetricLabels ?? {});
  of('extraMetricLabels', () => {
    checkLabels(extra.map(([name]) => name));
    const odd = extra.find(([, value]) => typeof value !== 'string');
    if (odd !== undefined) throw new UsageError(`the label ${odd[0]} must be a string`);
  });
  of('tokenizerMetricsAllowedCustomLabels', () => {
    const allowed = values.tokenizerMetricsAllowedCustomLabels ?? [];
    checkLabels(allowed);
    const doubled = allowed.find((name) => extra.some(([other]) => other === name));
    if (doubled !== undefined) throw new UsageError(`${doubled} is set by --extra-metric-labels`);
  });
}

function checkLabels(names: readonly string[]): void {
  if (names.length > MAX_LABELS) throw new UsageError(`has more than ${MAX_LABELS} labels`);
  for (const name of names) {
    if (!LABEL_NAME.test(name)) throw new UsageError(`'${name}' cannot be the name of a label`);
    if (RESERVED_LABELS.has(name)) throw new UsageError(`the label ${name} has a meaning of its own`);
  }
}

/** Says of which flag an error is. */
function of(key: FlagKey, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw error instanceof UsageError ? argumentError(flagOf(key), error.message) : error;
  }
}
