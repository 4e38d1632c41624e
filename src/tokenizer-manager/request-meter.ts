import type { CustomLabels } from '../metrics/custom-labels';
import type { Recorder } from '../metrics/recorder';
import type { Labels } from '../metrics/table';
import type { FinishReason } from '../core/request';

/** Measures one request, from its arrival to its end. */
export interface RequestMeter {
  /** An output has come. @param completionTokens generated so far */
  output(completionTokens: number): void;
  /** The request has ended, however it did. */
  ended(result: MeteredResult): void;
}

/** What counts of a result. */
export interface MeteredResult {
  readonly finish: FinishReason | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly retractions: number;
  /** Seconds from arrival to end. */
  readonly e2eLatency: number | null;
}

/** What of a request is about its own measurement. */
interface MeteredRequest {
  /** False leaves the request out of every count. */
  readonly logMetrics: boolean;
  readonly customLabels: Labels | null;
  readonly origin: { readonly customLabels: Labels | null };
}

/** Objects of their own: a histogram knows its labels by them. */
const PROCESSED = { stage: 'request_process' } as const;

const NO_METER: RequestMeter = { output: () => undefined, ended: () => undefined };

/** Makes the meters of requests. */
export class RequestMeters {
  constructor(
    private readonly metrics: Recorder,
    private readonly customLabels: CustomLabels,
  ) {}

  /** @param receivedAt when the request arrived, by `performance.now()` */
  open({ logMetrics, customLabels, origin }: MeteredRequest, receivedAt: number): RequestMeter {
    if (!logMetrics) return NO_METER;
    return new Meter(this.metrics, this.customLabels.of(origin.customLabels, customLabels), receivedAt);
  }

  /** A request is checked and tokenized, and leaves for the scheduler. */
  processed({ logMetrics }: MeteredRequest, receivedAt: number): void {
    if (!logMetrics) return;
    const seconds = (performance.now() - receivedAt) / 1000;
    this.metrics.record('per_stage_req_latency_seconds', seconds, PROCESSED);
  }
}

class Meter implements RequestMeter {
  private tokens = 0;
  private lastAt: number;

  constructor(
    private readonly metrics: Recorder,
    private readonly labels: Labels,
    receivedAt: number,
  ) {
    this.lastAt = receivedAt;
  }

  output(completionTokens: number): void {
    const fresh = completionTokens - this.tokens;
    if (fresh <= 0) return;
    const now = performance.now();
    const seconds = (now - this.lastAt) / 1000;
    if (this.tokens === 0) this.metrics.record('time_to_first_token_seconds', seconds, this.labels);
    else this.metrics.record('inter_token_latency_seconds', seconds / fresh, this.labels, fresh);
    this.tokens = completionTokens;
    this.lastAt = now;
  }

  ended(result: MeteredResult): void {
    const { metrics, labels } = this;
    const { cachedTokens, completionTokens, e2eLatency, finish, promptTokens, retractions } = result;
    metrics.record('num_requests_total', 1, labels);
    metrics.record('prompt_tokens_total', promptTokens, labels);
    metrics.record('generation_tokens_total', completionTokens, labels);
    metrics.record('cached_tokens_total', cachedTokens, { ...labels, cache_source: 'total' });
    if (finish?.type === 'abort') {
      metrics.record('num_aborted_requests_total', 1, labels);
      return;
    }
    metrics.record('e2e_request_latency_seconds', e2eLatency ?? 0, labels);
    metrics.record('num_retractions', retractions, labels);
    metrics.record('prompt_tokens_histogram', promptTokens, labels);
    metrics.record('uncached_prompt_tokens_histogram', promptTokens - cachedTokens, labels);
    metrics.record('generation_tokens_histogram', completionTokens, labels);
  }
}
