import type { MetricSample } from '../core/metric-sample';
import { ProcessStats } from './process-stats';
import type { LabelArgs, Recorder } from './recorder';
import { definitionOf, type Labels, type MetricName } from './table';

/** Observations that are not kept back any longer, so that a report stays small. */
const MAX_OBSERVATIONS = 2000;

/**
 * The recorder of a child process: keeps what was recorded until the next report. Counters are summed and gauges
 * overwritten meanwhile, so that a report is as large as the table, not as the traffic.
 */
export class MetricsReporter implements Recorder {
  private readonly latest = new Map<string, MetricSample>();
  private observations: MetricSample[] = [];
  private readonly sources: ((metrics: Recorder) => void)[] = [];

  /**
   * @param component name of the process
   * @param send called with what is new, what the process itself costs included
   */
  constructor(
    component: string,
    private readonly send: (samples: readonly MetricSample[]) => void,
  ) {
    const stats = new ProcessStats(component);
    this.beforeReport((metrics) => stats.record(metrics));
  }

  /** Has `source` record what is only worth reading when a report is due: gauges. */
  beforeReport(source: (metrics: Recorder) => void): void {
    this.sources.push(source);
  }

  record<N extends MetricName>(name: N, value: number, ...args: LabelArgs<N>): void {
    const [labels = null, times = 1] = args as [Labels?, number?];
    const { type } = definitionOf(name);
    if (type === 'histogram') {
      for (let i = 0; i < times; i++) this.observations.push([name, value, labels]);
      if (this.observations.length >= MAX_OBSERVATIONS) this.report();
      return;
    }
    const key = labels === null ? name : `${name} ${Object.values(labels).join(' ')}`;
    const before = type === 'counter' ? (this.latest.get(key)?.[1] ?? 0) : 0;
    this.latest.set(key, [name, before + value, labels]);
  }

  /** Sends everything, and what the sources have to say. */
  report(): void {
    const due = this.observations;
    this.observations = [];
    for (const source of this.sources) source(this);
    const samples = [...this.latest.values(), ...due];
    this.latest.clear();
    this.send(samples);
  }

  /** Reports if anything was recorded since the last report. */
  reportNews(): void {
    if (this.latest.size + this.observations.length > 0) this.report();
  }
}
