import { errorMessage, RequestError, traceOf } from '../../core/errors';
import { abortedFor, type FinishReason } from '../../core/request';
import { logger } from '../../logging/logger';
import type { Request } from './request';

/**
 * Gets something that requests need before they can be computed and that takes its time elsewhere: a compiled grammar,
 * a loaded adapter.
 */
export interface Preparation {
  isNeeded(request: Request): boolean;
  /**
   * @param signal fires when the request ends before it is ready
   * @returns settles when the request has what it needs. A `RequestError` is the client's fault
   */
  prepare(request: Request, signal: AbortSignal): Promise<void>;
  /** Drops what it keeps for later requests. */
  flush?(): void;
}

/**
 * The stage before admission: requests that are not ready. They wait in the queue like all others, with their place and
 * their time limit, and are passed over until everything they need is there.
 */
export class Preparing {
  private readonly open = new Map<Request, AbortController>();
  /** Preparations that have ended since the last `settle`. */
  private readonly ended: { readonly request: Request; readonly error: unknown }[] = [];

  /** @param wake told when a preparation has ended, at any time; `settle` should follow */
  constructor(
    private readonly preparations: readonly Preparation[],
    private readonly wake: () => void,
  ) {}

  /** Requests that are not ready. */
  get size(): number {
    return this.open.size;
  }

  has(request: Request): boolean {
    return this.open.has(request);
  }

  /** Starts what the request needs. One that needs nothing is ready at once. */
  begin(request: Request): void {
    const needed = this.preparations.filter((preparation) => preparation.isNeeded(request));
    if (needed.length === 0) return;
    const controller = new AbortController();
    this.open.set(request, controller);
    const end = (error: unknown) => {
      this.ended.push({ request, error });
      this.wake();
    };
    // Asynchronous functions around them: what one throws at once is its failure too.
    const all = needed.map(async (preparation) => preparation.prepare(request, controller.signal));
    Promise.all(all).then(() => end(null), end);
  }

  /** The request ended while it waited. */
  cancel(request: Request): void {
    this.open.get(request)?.abort();
    this.open.delete(request);
  }

  /** Lets the requests go on that are ready now. @returns those for which a preparation failed, and the error */
  settle(): { request: Request; error: unknown }[] {
    const ended = this.ended.splice(0).filter(({ request }) => this.open.has(request));
    const failed = ended.filter(({ error }) => error !== null);
    // The other preparations of a request of which one failed are in vain.
    for (const { request } of failed) this.cancel(request);
    for (const { request } of ended) this.open.delete(request);
    return failed;
  }
}

/** How a request ends that could not be prepared. What is not the client's fault is logged. */
export function unprepared(error: unknown): FinishReason {
  if (error instanceof RequestError && (error.status === 400 || error.status === 503)) {
    return abortedFor(error.status, error.message);
  }
  logger.error(`Preparing a request failed: ${traceOf(error)}`);
  return abortedFor(500, `The request could not be prepared: ${errorMessage(error)}`);
}
