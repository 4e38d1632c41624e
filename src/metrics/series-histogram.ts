import type { Histogram, Registry } from 'prom-client';
import type { Labels } from './table';

interface Series {
  readonly labels: Labels;
  /** How many values are in each bucket alone, the open one last. */
  readonly counts: Float64Array;
  sum: number;
}

/** One line of an exported metric, as prom-client's registry takes it. */
interface Line {
  readonly metricName: string;
  readonly labels: Labels;
  /** Further labels, formatted once and found again by their object. */
  readonly sharedLabels: Labels;
  readonly value: number;
}

const NONE: Labels = {};

/**
 * A histogram that a token can afford: prom-client's own hashes and checks all labels at each value, this one knows a set
 * of labels by its object.
 */
export class SeriesHistogram {
  private readonly series = new Map<string, Series>();
  private readonly byObject = new WeakMap<Labels, Series>();
  private readonly bounds: Float64Array;
  /** The label of each bucket. */
  private readonly les: readonly Labels[];

  /** @param bounds upper bounds, ascending; the open one follows by itself */
  constructor(
    readonly name: string,
    private readonly help: string,
    bounds: readonly number[],
    /** Labels of every series. */
    private readonly scope: Labels,
    registry: Registry,
  ) {
    this.bounds = Float64Array.from(bounds);
    this.les = [...bounds.map(String), '+Inf'].map((le) => ({ le }));
    // What a registry asks of a metric is its name and `getForPromString`; the type names prom-client's own classes only.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** Makes a series exist before its first value. */
  begin(labels: Labels): void {
    this.seriesOf(labels);
  }

  observe(labels: Labels, value: number, times: number): void {
    const series = this.byObject.get(labels) ?? this.seriesOf(labels);
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket += 1;
    series.counts[bucket] = (series.counts[bucket] as number) + times;
    series.sum += value * times;
  }

  /** Called by the registry for a page. */
  async getForPromString() {
    const values = [...this.series.values()].flatMap((series) => this.linesOf(series));
    return { name: this.name, help: this.help, type: 'histogram', values, aggregator: 'sum' };
  }

  private linesOf({ labels, counts, sum }: Series): Line[] {
    let count = 0;
    const line = (suffix: string, value: number, own: Labels = NONE): Line => {
      return { metricName: this.name + suffix, labels: own, sharedLabels: labels, value };
    };
    const buckets = this.les.map((le, i) => line('_bucket', (count += counts[i] as number), le));
    return [...buckets, line('_sum', sum), line('_count', count)];
  }

  private seriesOf(own: Labels): Series {
    const labels = { ...this.scope, ...own };
    const key = JSON.stringify(labels);
    let series = this.series.get(key);
    if (series === undefined) {
      series = { labels, counts: new Float64Array(this.bounds.length + 1), sum: 0 };
      this.series.set(key, series);
    }
    this.byObject.set(own, series);
    return series;
  }
}
