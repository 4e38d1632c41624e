import { Counter, Gauge, type Registry } from 'prom-client';
import { assertNever, bug } from '../core/errors';
import { PREFIX } from './exposition';
import { SeriesHistogram } from './series-histogram';
import { definitionOf, type Labels, type MetricName } from './table';

/** One exported metric. Labels are those besides its scope's. */
export interface Instrument {
  record(labels: Labels, value: number, times: number): void;
  /** Makes a series exist before its first number, so that a rate sees that one too. A gauge begins with its first state. */
  begin(labels: Labels): void;
}

/**
 * Adds a metric to a registry.
 * @param exported its name there, without the prefix
 * @param scope labels that its scope gives it
 * @param bounds in place of the table's, where a flag sets them
 */
export function addInstrument(
  registry: Registry,
  name: MetricName,
  exported: string,
  scope: Labels,
  bounds: readonly number[] | null,
): Instrument {
  const { type, help, labels, buckets } = definitionOf(name);
  const labelNames = [...Object.keys(scope), ...Object.keys(labels ?? {})];
  const config = { name: PREFIX + exported, help, labelNames, registers: [registry] };
  switch (type) {
    case 'counter': {
      const counter = new Counter(config);
      return {
        record: (own, value) => counter.inc({ ...scope, ...own }, value),
        begin: (own) => counter.inc({ ...scope, ...own }, 0),
      };
    }
    case 'gauge': {
      const gauge = new Gauge(config);
      return { record: (own, value) => gauge.set({ ...scope, ...own }, value), begin: () => undefined };
    }
    case 'histogram': {
      const upper = bounds ?? buckets;
      if (upper === undefined) throw bug(`histogram ${name} has no buckets`);
      const histogram = new SeriesHistogram(config.name, help, upper, scope, registry);
      return {
        record: (own, value, times) => histogram.observe(own, value, times),
        begin: (own) => histogram.begin(own),
      };
    }
    default:
      return assertNever(type);
  }
}
