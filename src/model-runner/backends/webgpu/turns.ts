/** One thing after the other on a device whose provider takes one call at a time, whichever session it is for. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private failure: { readonly error: unknown } | null = null;

  /** Does the work once all before it has ended, well or not; at once where nothing is under way. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const isFree = this.waiting === 0;
    this.waiting += 1;
    const turn = (isFree ? work() : this.last.then(work)).finally(() => (this.waiting -= 1));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  /** Does work that nobody waits for, in its turn. Should it fail, `settled` says so. */
  post(work: () => void): void {
    if (this.waiting === 0) return this.tried(work);
    void this.take(() => Promise.resolve(this.tried(work)));
  }

  /** Whether all that was posted before this turn has gone well: null then, else a promise that rejects, once. */
  settled(): Promise<void> | null {
    const { failure } = this;
    this.failure = null;
    return failure === null ? null : Promise.reject(failure.error);
  }

  private tried(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.failure ??= { error };
    }
  }
}
