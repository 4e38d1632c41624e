import type { Recorder } from '../../metrics/recorder';
import type { StepRuns } from './decode-step';
import { cachedOf, tokensOf, type PrefillItem } from './prefill-round';
import type { Request } from './request';

/** Counts what happens to requests and batches. */
export class GenerationMetrics {
  /** @param largestCaptured decode batches up to this size were captured at start; 0 when none were */
  constructor(
    private readonly metrics: Recorder,
    private readonly largestCaptured: number,
  ) {}

  /** A prefill batch begins. @param now when its requests were admitted, by `performance.now()` */
  prefill(items: readonly PrefillItem[], now: number): void {
    const { metrics } = this;
    metrics.record('realtime_tokens_total', tokensOf(items), { mode: 'prefill_compute' });
    metrics.record('realtime_tokens_total', cachedOf(items), { mode: 'prefill_cache' });
    for (const { request } of items) {
      if (request.startedAt !== now) continue;
      const seconds = (now - request.queuedAt) / 1000;
      metrics.record('queue_time_seconds', seconds);
      metrics.record('per_stage_req_latency_seconds', seconds, { stage: 'prefill_waiting' });
    }
  }

  /** The prompt of a request is computed for the first time, and its first token drawn. */
  prefilled({ firstTokenAt, startedAt }: Request): void {
    const seconds = ((firstTokenAt ?? 0) - (startedAt ?? 0)) / 1000;
    this.metrics.record('per_stage_req_latency_seconds', seconds, { stage: 'prefill_forward' });
  }

  /** A decode step gave so many tokens. */
  decoded({ together, others }: StepRuns, tokens: number): void {
    this.metrics.record('realtime_tokens_total', tokens, { mode: 'decode' });
    const isCaptured = together > 0 && together <= this.largestCaptured;
    const uncaptured = others + Number(together > 0 && !isCaptured);
    if (isCaptured) this.metrics.record('cuda_graph_passes_total', 1, { mode: 'decode_cuda_graph' });
    if (uncaptured > 0) {
      this.metrics.record('cuda_graph_passes_total', uncaptured, { mode: 'decode_none' });
    }
    this.metrics.record('is_cuda_graph', Number(isCaptured));
  }

  retracted({ promptLen, outputLen }: Request): void {
    this.metrics.record('num_retracted_requests_total', 1);
    this.metrics.record('num_retracted_input_tokens_total', promptLen);
    this.metrics.record('num_retracted_output_tokens_total', outputLen);
  }

  /** A request gives up its row for good. */
  ended({ firstTokenAt }: Request): void {
    if (firstTokenAt === null) return;
    const seconds = (performance.now() - firstTokenAt) / 1000;
    this.metrics.record('per_stage_req_latency_seconds', seconds, { stage: 'decode_forward' });
  }
}
