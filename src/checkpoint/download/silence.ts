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

  /**
   * The work, or an error as soon as it is aborted: `fetch` and the bodies of its answers may miss that, and never end.
   * @throws the reason of the abort
   */
  orAborted<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason as Error);
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
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
