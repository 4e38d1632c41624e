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
  /** Whether its series are told apart by rank: there are several schedulers, and it is the engine's. */
  readonly isRanked: boolean;
}

/** One object, so that series are found by it. */
const NO_LABELS: Labels = {};

/** The numbers of the whole server, in the main process. */
export class MetricsRegistry implements Metrics {
  private readonly registry = new Registry();
  private readonly entries: ReadonlyMap<string, Entry>;
  /** The labels of each rank alone. */
  private readonly ranks: readonly Labels[];
  private readonly sources: ((metrics: Recorder) => void)[] = [];

  constructor(args: MetricArgs) {
    this.ranks = Array.from({ length: args.dpSize }, (_, rank) => ({ [RANK]: String(rank) }));
    const scopes = scopesOf(args);
    const bounds = boundsOf(args);
    const names = Object.keys(METRICS) as MetricName[];
    const open = (name: MetricName): Entry => {
      const scope = scopes[definitionOf(name).scope];
      const isRanked = RANK in scope;
      const instruments = exportedNames(name).map((exported) =>
        addInstrument(this.registry, name, exported, scope, bounds[name] ?? null),
      );
      for (const own of knownLabels(name)) {
        for (const rank of isRanked ? this.ranks : [NO_LABELS]) {
          for (const instrument of instruments) instrument.begin({ ...own, ...rank });
        }
      }
      return { instruments, isRanked };
    };
    this.entries = new Map(names.map((name) => [name, open(name)]));
  }

  /** Has `source` record before each page what is only worth reading then. */
  beforePage(source: (metrics: Recorder) => void): void {
    this.sources.push(source);
  }

  record<N extends MetricName>(name: N, value: number, ...args: LabelArgs<N>): void {
    const [labels = NO_LABELS, times = 1] = args as [Labels?, number?];
    this.take(name, value, labels, times, null);
  }

  apply(samples: readonly MetricSample[], rank: number | null): void {
    for (const [name, value, labels] of samples) this.take(name, value, labels ?? NO_LABELS, 1, rank);
  }

  /** @param accept what the client accepts */
  async page(accept: string | undefined): Promise<MetricsPage> {
    for (const source of this.sources) source(this);
    const text = await this.registry.metrics();
    return wantsOpenMetrics(accept)
      ? { contentType: OPENMETRICS_TYPE, text: toOpenMetrics(text) }
      : { contentType: TEXT_TYPE, text };
  }

  private take(name: string, value: number, labels: Labels, times: number, rank: number | null): void {
    const entry = this.entries.get(name);
    if (entry === undefined) throw bug(`metric ${name} is not in the table`);
    const own = entry.isRanked && rank !== null ? this.ofRank(labels, rank) : labels;
    for (const instrument of entry.instruments) instrument.record(own, value, times);
  }

  private ofRank(labels: Labels, rank: number): Labels {
    const alone = this.ranks[rank];
    if (alone === undefined) throw bug(`rank ${rank} of ${this.ranks.length}`);
    return labels === NO_LABELS ? alone : { ...labels, ...alone };
  }
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
