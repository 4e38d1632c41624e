import { logger } from '../../logging/logger';
import type { AcceptanceMeter } from '../speculation/acceptance-meter';

/** What a batch line reports about the scheduler at the time of the batch. */
export interface BatchGauges {
  readonly running: number;
  readonly queued: number;
  /** Tokens in the KV cache that running requests hold. */
  readonly usedTokens: number;
  readonly totalTokens: number;
}

/** How long the throughput of an idle server is that of its last work. */
const STALE_MS = 30_000;

/** The `Prefill batch` and `Decode batch` lines, in the form that SGLang's users and their parsers know. */
export class BatchLog {
  private lastPrefillAt = performance.now();
  private lastPrefillTokens = 0;
  private lastDecodeAt = performance.now();
  private decodedTokens = 0;
  private decodeSteps = 0;
  private throughput = 0;
  private hitRate = 0;
  /** By `performance.now()`; null while requests decode. */
  private idleSince: number | null = performance.now();

  /**
   * @param graphName `cpu graph` or `cuda graph`
   * @param interval decode steps between two lines
   * @param largestCaptured decode batches up to this size were captured at start; 0 when none were
   * @param acceptance what became of drafts; null where none are made
   */
  constructor(
    private readonly graphName: string,
    private readonly interval: number,
    private readonly largestCaptured: number,
    private readonly acceptance: Pick<AcceptanceMeter, 'takeInterval'> | null = null,
  ) {}

  /** Tokens per second of the last decode interval; 0 once nothing has been decoded for a while. */
  get genThroughput(): number {
    const idleMs = this.idleSince === null ? 0 : performance.now() - this.idleSince;
    return idleMs > STALE_MS ? 0 : this.throughput;
  }

  /** Share of the prompt tokens of the last prefill batch that were cached; 0 once a decode line has been written. */
  get cacheHitRate(): number {
    return this.hitRate;
  }

  prefill(sequences: number, newTokens: number, cachedTokens: number, gauges: BatchGauges): void {
    const now = performance.now();
    const rate = (this.lastPrefillTokens * 1000) / Math.max(now - this.lastPrefillAt, 1);
    this.lastPrefillAt = now;
    this.lastPrefillTokens = newTokens;
    this.hitRate = cachedTokens / Math.max(newTokens + cachedTokens, 1);
    logger.info(
      `Prefill batch, #new-seq: ${sequences}, #new-token: ${newTokens}, #cached-token: ${cachedTokens}, ` +
        `token usage: ${usage(gauges)}, #running-req: ${gauges.running}, #queue-req: ${gauges.queued}, ` +
        `input throughput (token/s): ${rate.toFixed(2)}, ${this.graphName}: False`,
    );
  }

  /** Counts a decode step and the tokens that came of it, and writes a line each `interval` steps. */
  decode(gauges: BatchGauges, tokens: number): void {
    this.resume();
    this.decodedTokens += tokens;
    this.decodeSteps += 1;
    if (this.decodeSteps % this.interval !== 0) return;
    const now = performance.now();
    this.throughput = (this.decodedTokens * 1000) / Math.max(now - this.lastDecodeAt, 1);
    this.lastDecodeAt = now;
    this.decodedTokens = 0;
    this.hitRate = 0;
    const isCaptured = gauges.running <= this.largestCaptured ? 'True' : 'False';
    logger.info(
      `Decode batch, #running-req: ${gauges.running}, #token: ${gauges.usedTokens}, token usage: ${usage(gauges)}, ` +
        `${this.accepted()}${this.graphName}: ${isCaptured}, gen throughput (token/s): ${this.throughput.toFixed(2)}, #queue-req: ${gauges.queued}`,
    );
  }

  private accepted(): string {
    const acceptance = this.acceptance?.takeInterval();
    if (acceptance === undefined) return '';
    return `accept len: ${acceptance.length.toFixed(2)}, accept rate: ${acceptance.rate.toFixed(2)}, `;
  }

  /** Idle time does not count into the next line's throughput. */
  whenIdle(): void {
    this.idleSince ??= performance.now();
  }

  reset(): void {
    this.throughput = 0;
    this.idleSince ??= performance.now();
  }

  private resume(): void {
    if (this.idleSince === null) return;
    this.idleSince = null;
    this.lastDecodeAt = performance.now();
    this.decodedTokens = 0;
  }
}

function usage({ usedTokens, totalTokens }: BatchGauges): string {
  return (usedTokens / totalTokens).toFixed(2);
}
