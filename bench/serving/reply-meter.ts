/** What is known of one request when it is over. Times are in milliseconds, `startedAt` on the clock of the run. */
export interface RequestResult {
  /** Null for a request that succeeded; the other figures count only then. */
  readonly error: string | null;
  readonly promptLen: number;
  readonly outputLen: number;
  readonly startedAt: number;
  /** From sending to the end of the reply. */
  readonly latency: number;
  /** From sending to the first token. */
  readonly ttft: number;
  /** Between neighbouring tokens; tokens that came together share the wait for them. */
  readonly itl: readonly number[];
  readonly text: string;
}

/** Notes when the tokens of one reply arrive. */
export class ReplyMeter {
  ttft = 0;
  readonly itl: number[] = [];
  private tokens = 0;
  private lastAt: number;

  constructor(readonly startedAt: number) {
    this.lastAt = startedAt;
  }

  /** Tokens that have arrived so far. */
  get count(): number {
    return this.tokens;
  }

  /** @param total tokens that have arrived by `now` */
  note(total: number, now: number): void {
    const fresh = total - this.tokens;
    if (fresh <= 0) return;
    if (this.tokens === 0) this.ttft = now - this.startedAt;
    else for (let i = 0; i < fresh; i++) this.itl.push((now - this.lastAt) / fresh);
    this.tokens = total;
    this.lastAt = now;
  }
}
