import type { FinishReason } from '../core/request';
import type { TraceFields } from '../core/trace-fields';
import { ThreadTrace } from '../tracing/thread-trace';

/** What the scheduler does for one request that is traced. All moments are of `performance.now`. */
export class RequestTrace {
  private readonly thread: ThreadTrace;
  /** When it last began to wait; null while it does not. */
  private waitingSince: number | null;
  private admittedAt: number | null = null;
  private pieces = 0;
  private isEnded = false;

  constructor(
    readonly fields: TraceFields,
    private readonly arrivedAt: number,
  ) {
    this.thread = new ThreadTrace('Scheduler', fields, arrivedAt);
    this.waitingSince = arrivedAt;
  }

  /** It is in the waiting queue. */
  queued(): void {
    const now = performance.now();
    this.thread.slice('request_process', this.arrivedAt, now);
    this.waitingSince = now;
  }

  /** A piece of its prompt is about to be computed. */
  admitted(now: number): void {
    if (this.waitingSince === null) return;
    this.thread.slice('prefill_waiting', this.waitingSince, now);
    this.waitingSince = null;
    this.admittedAt = now;
    this.pieces = 0;
  }

  /**
   * A piece of its prompt was computed.
   * @param isLast whether the prompt is complete
   */
  prefilled(from: number, isLast: boolean): void {
    const now = performance.now();
    this.pieces += 1;
    if (!isLast || this.pieces > 1) this.thread.slice('chunked_prefill', from, now);
    if (isLast) this.thread.slice('prefill_forward', this.admittedAt ?? from, now);
  }

  /** A decode step gave it a token. */
  decoded(from: number): void {
    this.thread.slice('decode_loop', from, performance.now());
  }

  /** Back to the queue. */
  retracted(now: number): void {
    this.waitingSince = now;
  }

  /** It has left; what is said of it after that is ignored. */
  ended({ firstTokenAt, startedAt, finish }: Ended): void {
    if (this.isEnded) return;
    this.isEnded = true;
    const now = performance.now();
    const seconds = (from: number | null, to: number | null) => ((to ?? now) - (from ?? now)) / 1000;
    if (firstTokenAt !== null) this.thread.slice('decode_forward', firstTokenAt, now);
    this.thread.end(now, {
      'gen_ai.latency.time_in_queue': seconds(this.arrivedAt, startedAt),
      'gen_ai.latency.time_in_model_prefill': seconds(startedAt, firstTokenAt),
      'gen_ai.latency.time_in_model_decode': seconds(firstTokenAt, now),
      'gen_ai.latency.time_in_model_inference': seconds(startedAt, now),
      ...(finish === null ? {} : { 'gen_ai.response.finish_reasons': [finish.type] }),
    });
  }
}

interface Ended {
  readonly firstTokenAt: number | null;
  readonly startedAt: number | null;
  readonly finish: FinishReason | null;
}
