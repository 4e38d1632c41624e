import type { FinishReason } from '../../core/request';
import { urgencyRank } from './policy';
import type { Request } from './request';

/** How many may wait and whose turn is worth more. */
export interface WaitingLimits {
  /** null is unlimited. */
  readonly maxQueued: number | null;
  readonly priority: boolean;
  readonly lowPriorityValuesFirst: boolean;
}

const QUEUE_FULL: FinishReason = { type: 'abort', status_code: 503, message: 'The request queue is full.' };
const OUTRANKED: FinishReason = {
  type: 'abort',
  status_code: 503,
  message: 'The request is aborted by a higher priority request.',
};

/** A request that was turned away, and why. */
export interface Rejection {
  readonly request: Request;
  readonly reason: FinishReason;
}

/** Owns the requests that hold no row, in order of arrival; retracted ones come first. */
export class WaitingQueue {
  private requests: Request[] = [];

  constructor(private readonly limits: WaitingLimits) {}

  get size(): number {
    return this.requests.length;
  }

  get all(): readonly Request[] {
    return this.requests;
  }

  /** Adds an arrival. With a full queue someone is turned away: it, or with priorities the least urgent. */
  add(request: Request): Rejection | null {
    this.requests.push(request);
    if (this.limits.maxQueued === null || this.requests.length <= this.limits.maxQueued) return null;
    const dropped = this.limits.priority ? this.leastUrgent() : request;
    this.remove(dropped);
    return { request: dropped, reason: dropped === request ? QUEUE_FULL : OUTRANKED };
  }

  /** Puts a retracted request back at the front; the queue limit does not apply to it. */
  putBack(request: Request): void {
    this.requests.unshift(request);
  }

  remove(request: Request): void {
    this.requests = this.requests.filter((other) => other !== request);
  }

  /** Takes out every request that `matches`. */
  take(matches: (request: Request) => boolean): Request[] {
    const taken = this.requests.filter(matches);
    if (taken.length > 0) this.requests = this.requests.filter((request) => !matches(request));
    return taken;
  }

  /** The last to arrive among those of the lowest priority. */
  private leastUrgent(): Request {
    const rank = (request: Request) => urgencyRank(request.priority, this.limits.lowPriorityValuesFirst);
    return this.requests.reduce((worst, request) => (rank(request) >= rank(worst) ? request : worst));
  }
}
