import { clientLeft, RequestError, type ErrorCode } from '../../core/errors';

/** What is said to every request while nothing can be computed. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * The way in for requests: open, held while the weights change, or closed while there is no memory to compute with. Who is in
 * is counted from here until their requests are known elsewhere, so that nobody slips by.
 */
export class Admission {
  private entering = 0;
  private refusal: Refusal | null = null;
  /** Requests that wait to be let in; null while nothing is held. */
  private held: Set<() => void> | null = null;
  private readonly watchers = new Set<() => void>();

  /** @param inside requests that have got in and have not ended */
  constructor(private readonly inside: () => number) {}

  /** Requests that wait to be let in. */
  get waiting(): number {
    return this.held?.size ?? 0;
  }

  /**
   * Does the work of a request once it is let in.
   * @param gone a client that leaves before waits no longer
   * @throws RequestError where it is refused, and what the work throws
   */
  async pass<T>(work: () => Promise<T>, gone: AbortSignal): Promise<T> {
    while (this.held !== null && this.refusal === null) await this.wait(this.held, gone);
    if (this.refusal !== null) throw new RequestError(this.refusal.code, this.refusal.message);
    this.entering += 1;
    try {
      return await work();
    } finally {
      this.entering -= 1;
      this.changed();
    }
  }

  /** Holds requests that come from now on, until `letIn`. */
  hold(): void {
    this.held ??= new Set();
  }

  letIn(): void {
    const { held } = this;
    this.held = null;
    for (const wake of held ?? []) wake();
  }

  /** Refuses requests from now on, those that are held among them; null lets them in again. */
  refuse(refusal: Refusal | null): void {
    this.refusal = refusal;
    if (refusal !== null) for (const wake of this.held ?? []) wake();
  }

  /** Whether no request is in. */
  get isEmpty(): boolean {
    return this.entering === 0 && this.inside() === 0;
  }

  /** Waits until no request is in, or until nobody needs to wait any more. */
  async emptied(isEnough: () => boolean): Promise<void> {
    while (!this.isEmpty && !isEnough()) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.watchers.delete(wake);
          resolve();
        };
        this.watchers.add(wake);
      });
    }
  }

  /** Requests have ended, or something else happened that those who wait look at. */
  changed(): void {
    for (const wake of this.watchers) wake();
  }

  private wait(held: Set<() => void>, gone: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        held.delete(wake);
        reject(clientLeft());
      };
      const wake = () => {
        held.delete(wake);
        gone.removeEventListener('abort', leave);
        resolve();
      };
      if (gone.aborted) return reject(clientLeft());
      held.add(wake);
      gone.addEventListener('abort', leave, { once: true });
    });
  }
}
