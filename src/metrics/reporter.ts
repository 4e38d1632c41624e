import type { MetricSample } from '../core/metric-sample';
import { ProcessStats } from './process-stats';
import type { LabelArgs, Recorder } from './recorder';
import { definitionOf, type Labels, type MetricName } from './table';

/** Least time between two reports of news: many short requests must not cost a report each. */
const NEWS_MS = 200;
/** Observations that are not kept back any longer, so that a report stays small. */
const MAX_OBSERVATIONS = 2000;

/**
 * The recorder of a child process: keeps what was recorded until the next report. Counters are summed and gauges
 * overwritten meanwhile, and a gauge that stays is told once, so that a report is small whatever the traffic.
 */
export class MetricsReporter implements Recorder {
  private readonly latest = new Map<string, MetricSample>();
  /** States of gauges that were told already. */
  private readonly told = new Map<string, number>();
  private observations: MetricSample[] = [];
  private readonly sources: ((metrics: Recorder) => void)[] = [];
  private reportedAt = -Infinity;
  private soon: NodeJS.Timeout | null = null;

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
    if (this.soon !== null) clearTimeout(this.soon);
    this.soon = null;
    this.reportedAt = performance.now();
    const due = this.observations;
    this.observations = [];
    for (const source of this.sources) source(this);
    const samples = [...this.latest].filter((entry) => this.isNew(...entry)).map(([, sample]) => sample);
    this.latest.clear();
    this.send([...samples, ...due]);
  }

  /** A counter that grew, a gauge that moved. */
  private isNew(key: string, [name, value]: MetricSample): boolean {
    if (definitionOf(name as MetricName).type === 'counter') return value !== 0;
    if (this.told.get(key) === value) return false;
    this.told.set(key, value);
    return true;
  }

  /** Reports if anything was recorded since the last report: now, or in a moment where that was just now. */
  reportNews(): void {
    if (this.latest.size + this.observations.length === 0 || this.soon !== null) return;
    const waitMs = this.reportedAt + NEWS_MS - performance.now();
    if (waitMs <= 0) this.report();
    else this.soon = setTimeout(() => this.report(), waitMs).unref();
  }
}
