import { Registry } from 'prom-client';
import { bug } from '../core/errors';
import type { MetricSample } from '../core/metric-sample';
import type { ServerArgs } from '../server-args/server-args';
import { ascending, tokenBuckets } from './buckets';
import { OPENMETRICS_TYPE, TEXT_TYPE, toOpenMetrics, wantsOpenMetrics } from './exposition';
import { addInstrument, type Instrument } from './instrument';
import type { LabelArgs, Metrics, Recorder } from './recorder';
import { definitionOf, exportedNames, METRICS, RANKS, type Labels, type MetricName } from './table';

/** Arguments of the server that shape its metrics. */
export type MetricArgs = Pick<
  ServerArgs,
  | 'servedModelName'
  | 'dpSize'
  | 'extraMetricLabels'
  | 'tokenizerMetricsAllowedCustomLabels'
  | 'bucketTimeToFirstToken'
  | 'bucketInterTokenLatency'
  | 'bucketE2eRequestLatency'
  | 'promptTokensBuckets'
  | 'generationTokensBuckets'
>;

/** Label of what a scheduler counts, where there are several. */
const RANK = 'dp_rank';

/** A page of numbers, in the format that its client asked for. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

/** A metric under each of its names. */
interface Entry {
  readonly instruments: readonly Instrument[];
  /** Labels that its scope gives it, custom ones empty, and the rank where there are several. */
  readonly scope: Labels;
}

/** The numbers of the whole server, in the main process. */
export class MetricsRegistry implements Metrics {
  private readonly registry = new Registry();
  private readonly entries: ReadonlyMap<string, Entry>;
  private readonly sources: ((metrics: Recorder) => void)[] = [];

  constructor(args: MetricArgs) {
    const scopes = scopesOf(args);
    const bounds = boundsOf(args);
    const names = Object.keys(METRICS) as MetricName[];
    const open = (name: MetricName): Entry => {
      const scope = scopes[definitionOf(name).scope];
      const instruments = exportedNames(name).map((exported) =>
        addInstrument(this.registry, name, exported, Object.keys(scope), bounds[name] ?? null),
      );
      for (const own of knownLabels(name)) {
        for (const all of ofEachRank({ ...scope, ...own }, args.dpSize)) {
          for (const instrument of instruments) instrument.begin(all);
        }
      }
      return { instruments, scope };
    };
    this.entries = new Map(names.map((name) => [name, open(name)]));
  }

  /** Has `source` record before each page what is only worth reading then. */
  beforePage(source: (metrics: Recorder) => void): void {
    this.sources.push(source);
  }

  record<N extends MetricName>(name: N, value: number, ...args: LabelArgs<N>): void {
    const [labels = null, times = 1] = args as [Labels?, number?];
    for (let i = 0; i < times; i++) this.take(name, value, labels);
  }

  apply(samples: readonly MetricSample[], rank: number | null): void {
    for (const [name, value, labels] of samples) this.take(name, value, labels, rank);
  }

  /** @param accept what the client accepts */
  async page(accept: string | undefined): Promise<MetricsPage> {
    for (const source of this.sources) source(this);
    const text = await this.registry.metrics();
    return wantsOpenMetrics(accept)
      ? { contentType: OPENMETRICS_TYPE, text: toOpenMetrics(text) }
      : { contentType: TEXT_TYPE, text };
  }

  private take(name: string, value: number, labels: Labels | null, rank: number | null = null): void {
    const entry = this.entries.get(name);
    if (entry === undefined) throw bug(`metric ${name} is not in the table`);
    const all = {
      ...entry.scope,
      ...labels,
      ...(RANK in entry.scope && rank !== null && { [RANK]: String(rank) }),
    };
    for (const instrument of entry.instruments) instrument.record(all, value);
  }
}

/** The labels of a series, once for each scheduler where it is one of theirs. */
function ofEachRank(labels: Labels, dpSize: number): Labels[] {
  if (!(RANK in labels)) return [labels];
  return Array.from({ length: dpSize }, (_, rank) => ({ ...labels, [RANK]: String(rank) }));
}

function scopesOf({
  servedModelName,
  dpSize,
  extraMetricLabels,
  tokenizerMetricsAllowedCustomLabels,
}: MetricArgs): Readonly<Record<'engine' | 'request' | 'none', Labels>> {
  const model = { model_name: servedModelName };
  const extra = extraMetricLabels as Labels | null;
  const custom = (tokenizerMetricsAllowedCustomLabels ?? []).map((name) => [name, '']);
  return {
    engine: { ...model, ...RANKS, ...(dpSize > 1 && { [RANK]: '' }), ...extra },
    request: { ...model, ...(Object.fromEntries(custom) as Labels), ...extra },
    none: {},
  };
}

/** Bounds of histograms that flags may set; checked when the server starts. */
function boundsOf(args: MetricArgs): Readonly<Partial<Record<MetricName, readonly number[] | null>>> {
  const seconds = (bounds: readonly number[] | null) => bounds && ascending(bounds);
  const promptTokens = tokenBuckets(args.promptTokensBuckets);
  return {
    time_to_first_token_seconds: seconds(args.bucketTimeToFirstToken),
    inter_token_latency_seconds: seconds(args.bucketInterTokenLatency),
    e2e_request_latency_seconds: seconds(args.bucketE2eRequestLatency),
    prompt_tokens_histogram: promptTokens,
    uncached_prompt_tokens_histogram: promptTokens,
    generation_tokens_histogram: tokenBuckets(args.generationTokensBuckets),
  };
}

/** Every combination of a metric's own labels; none where values are not known beforehand. */
function knownLabels(name: MetricName): Labels[] {
  return Object.entries(definitionOf(name).labels ?? {}).reduce<Labels[]>(
    (sets, [label, values]) =>
      values === 'any' ? [] : sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value }))),
    [{}],
  );
}
