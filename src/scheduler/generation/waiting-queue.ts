import { abortedFor, type FinishReason } from '../../core/request';
import { urgencyRank } from './policy';
import type { Preparing } from './preparation';
import type { Request } from './request';

/** How many may wait and whose turn is worth more. */
export interface WaitingLimits {
  /** null is unlimited. */
  readonly maxQueued: number | null;
  readonly priority: boolean;
  readonly lowPriorityValuesFirst: boolean;
}

const QUEUE_FULL = abortedFor(503, 'The request queue is full.');
const OUTRANKED = abortedFor(503, 'The request is aborted by a higher priority request.');

/** A request that was turned away, and why. */
export interface Rejection {
  readonly request: Request;
  readonly reason: FinishReason;
}

/** Owns the requests that hold no row, in order of arrival; retracted ones come first. */
export class WaitingQueue {
  private requests: Request[] = [];

  constructor(
    private readonly limits: WaitingLimits,
    private readonly preparing: Preparing,
  ) {}

  get size(): number {
    return this.requests.length;
  }

  get all(): readonly Request[] {
    return this.requests;
  }

  /** Those that may be admitted. */
  get ready(): readonly Request[] {
    if (this.preparing.size === 0) return this.requests;
    return this.requests.filter((request) => !this.preparing.has(request));
  }

  /** Adds an arrival. With a full queue someone is turned away: it, or with priorities the least urgent. */
  add(request: Request): Rejection | null {
    this.requests.push(request);
    const rejection = this.rejection(request);
    if (rejection) this.remove(rejection.request);
    if (rejection?.request !== request) this.preparing.begin(request);
    return rejection;
  }

  /** Puts a retracted request back at the front; the queue limit does not apply to it. */
  putBack(request: Request): void {
    this.requests.unshift(request);
  }

  remove(request: Request): void {
    this.preparing.cancel(request);
    this.requests = this.requests.filter((other) => other !== request);
  }

  /** Takes out every request that `matches`. */
  take(matches: (request: Request) => boolean): Request[] {
    const taken = this.requests.filter(matches);
    for (const request of taken) this.preparing.cancel(request);
    if (taken.length > 0) this.requests = this.requests.filter((request) => !matches(request));
    return taken;
  }

  private rejection(arrival: Request): Rejection | null {
    const { maxQueued, priority } = this.limits;
    if (maxQueued === null || this.requests.length <= maxQueued) return null;
    const request = priority ? this.leastUrgent() : arrival;
    return { request, reason: request === arrival ? QUEUE_FULL : OUTRANKED };
  }

  /** The last to arrive among those of the lowest priority. */
  private leastUrgent(): Request {
    const rank = (request: Request) => urgencyRank(request.priority, this.limits.lowPriorityValuesFirst);
    return this.requests.reduce((worst, request) => (rank(request) >= rank(worst) ? request : worst));
  }
}
