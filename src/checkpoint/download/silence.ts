/** Aborts what hears nothing for a time, or what somebody else aborts. */
export class SilenceLimit {
  readonly signal: AbortSignal;
  private readonly own = new AbortController();
  private timer: NodeJS.Timeout;

  constructor(
    private readonly limitMs: number,
    parent: AbortSignal,
  ) {
    this.signal = AbortSignal.any([parent, this.own.signal]);
    this.timer = this.start();
  }

  /** Whether it was silence, and not somebody. */
  get isOver(): boolean {
    return this.own.signal.aborted;
  }

  /** Something was heard. */
  heard(): void {
    clearTimeout(this.timer);
    this.timer = this.start();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private start(): NodeJS.Timeout {
    return setTimeout(() => this.own.abort(), this.limitMs);
  }
}
