import type { MetricSample } from '../core/metric-sample';
import type { LabelsOf, MetricName } from './table';

/** Where numbers are told; what becomes of them is the recorder's business. */
export interface Recorder {
  /**
   * Adds to a counter, sets a gauge, or observes a value of a histogram, whatever `name` is.
   * @param times how often the value of a histogram counts
   */
  record<N extends MetricName>(name: N, value: number, ...labels: LabelArgs<N>): void;
}

/** Labels only where the metric has any; for histograms also how often the value counts. */
export type LabelArgs<N extends MetricName> =
  unknown extends LabelsOf<N> ? [] : [labels: LabelsOf<N>, times?: number];

/** A recorder that also takes what the other processes recorded. */
export interface Metrics extends Recorder {
  /** @param rank of the scheduler that they come from; null where it is none */
  apply(samples: readonly MetricSample[], rank: number | null): void;
}

/** Where nobody asked for metrics (`--enable-metrics`). */
export const NO_METRICS: Metrics = {
  record: () => undefined,
  apply: () => undefined,
};
