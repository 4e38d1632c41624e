import type { EmbedMsg, GenerateMsg, SchedulerMsg } from '../../ipc/messages';
import type { ServerArgs } from '../../server-args/server-args';
import { SchedulerGroup } from './scheduler-group';

/** The inbox of a scheduler. */
export interface SchedulerInbox {
  put(message: SchedulerMsg): void;
}

/** The schedulers behind the TokenizerManager: where each request goes, and where it is. */
export interface Schedulers {
  /** By rank. */
  readonly inboxes: readonly SchedulerInbox[];

  /**
   * Sends a request.
   * @param rank the scheduler that it is to go to; null leaves the choice
   * @returns the scheduler that it went to
   */
  open(message: GenerateMsg | EmbedMsg, rank: number | null): number;

  /** An output of the request came, which has so many generated tokens now. */
  advance(rid: string, completionTokens: number): void;

  /** Nothing more will come of the request. */
  close(rid: string): void;

  /** Asks for the end of a request. */
  abort(rid: string): void;

  /** The prefix caches are empty. */
  flushed(): void;
}

/**
 * @param inboxes by rank, at least one
 * @param cacheTokens of each scheduler's prefix cache
 */
export function connectSchedulers(
  inboxes: readonly SchedulerInbox[],
  args: Pick<ServerArgs, 'disableRadixCache' | 'loadBalanceMethod'>,
  cacheTokens: number,
): Schedulers {
  const [only] = inboxes;
  if (only !== undefined && inboxes.length === 1) return new OneScheduler(only);
  return new SchedulerGroup(inboxes, args.loadBalanceMethod, args.disableRadixCache ? 0 : cacheTokens);
}

/** There is nothing to choose and nothing to remember. */
class OneScheduler implements Schedulers {
  readonly inboxes: readonly SchedulerInbox[];

  constructor(private readonly inbox: SchedulerInbox) {
    this.inboxes = [inbox];
  }

  open(message: GenerateMsg | EmbedMsg): number {
    this.inbox.put(message);
    return 0;
  }

  advance(): void {}

  close(): void {}

  abort(rid: string): void {
    this.inbox.put({ type: 'abort', rid });
  }

  flushed(): void {}
}
