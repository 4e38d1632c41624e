import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { assertNever, bug } from '../core/errors';
import { PREFIX } from './exposition';
import { definitionOf, type Labels, type MetricName } from './table';

/** One exported metric. */
export interface Instrument {
  /** @param labels all of them */
  record(labels: Labels, value: number): void;
  /** Makes a series exist before its first number, so that a rate sees that one too. A gauge begins with its first state. */
  begin(labels: Labels): void;
}

/**
 * Adds a metric to a registry.
 * @param exported its name there, without the prefix
 * @param scopeLabels names of the labels that its scope gives it
 * @param bounds in place of the table's, where a flag sets them
 */
export function addInstrument(
  registry: Registry,
  name: MetricName,
  exported: string,
  scopeLabels: readonly string[],
  bounds: readonly number[] | null,
): Instrument {
  const { type, help, labels, buckets } = definitionOf(name);
  const labelNames = [...scopeLabels, ...Object.keys(labels ?? {})];
  const config = { name: PREFIX + exported, help, labelNames, registers: [registry] };
  switch (type) {
    case 'counter': {
      const counter = new Counter(config);
      return {
        record: (all, value) => counter.inc(all, value),
        begin: (all) => counter.inc(all, 0),
      };
    }
    case 'gauge': {
      const gauge = new Gauge(config);
      return { record: (all, value) => gauge.set(all, value), begin: () => undefined };
    }
    case 'histogram': {
      const upper = bounds ?? buckets;
      if (upper === undefined) throw bug(`histogram ${name} has no buckets`);
      const histogram = new Histogram({ ...config, buckets: [...upper] });
      return {
        record: (all, value) => histogram.observe(all, value),
        begin: (all) => histogram.zero(all),
      };
    }
    default:
      return assertNever(type);
  }
}
