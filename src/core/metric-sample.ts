import { is, type Check } from './check';

/**
 * One number on its way to the main process: what was added to a counter, the state of a gauge, or one observation.
 * Names and labels are those of the table in `src/metrics`.
 */
export type MetricSample = readonly [
  name: string,
  value: number,
  labels: Readonly<Record<string, string>> | null,
];

export const metricSample: Check<MetricSample> = is((value) => {
  if (!Array.isArray(value) || value.length !== 3) return false;
  const [name, number, labels] = value as unknown[];
  return typeof name === 'string' && typeof number === 'number' && typeof labels === 'object';
});
