import { bug, RequestError } from '../core/errors';
import type { ControlResult, SchedulerMsg } from '../ipc/messages';
import type { SchedulerInbox } from './dispatch/schedulers';

type Kind = Exclude<ControlResult['of'], 'error'>;
export type ResultOf<K extends Kind> = Extract<ControlResult, { of: K }>;

interface Waiting {
  readonly of: Kind;
  readonly settle: (result: ControlResult) => void;
  readonly fail: (error: RequestError) => void;
}

/**
 * Calls to the schedulers that have an answer: each is put to all of them. One of each kind is under way at a time; further
 * ones wait their turn.
 */
export class ControlCalls {
  private nextCallId = 1;
  private readonly waiting = new Map<number, Waiting>();
  /** Settles when the last call of a kind has been answered. */
  private readonly tails = new Map<Kind, Promise<unknown>>();

  /** @param inboxes of the schedulers, by rank */
  constructor(private readonly inboxes: readonly SchedulerInbox[]) {}

  /**
   * @param message the call, given the id its answer will carry
   * @returns the answers, by rank
   * @throws RequestError when call or answer could not be read
   */
  call<K extends Kind>(of: K, message: (callId: number) => SchedulerMsg): Promise<ResultOf<K>[]> {
    const previous = this.tails.get(of) ?? Promise.resolve();
    const answered = previous.then(() =>
      Promise.all(this.inboxes.map((inbox) => this.send(inbox, of, message))),
    );
    this.tails.set(
      of,
      answered.catch(() => undefined),
    );
    return answered;
  }

  /** Takes an answer; one that nobody waits for is dropped. */
  settle(callId: number, result: ControlResult): void {
    const call = this.waiting.get(callId);
    if (call === undefined) return;
    this.waiting.delete(callId);
    if (result.of === 'error') return call.fail(new RequestError('internal', result.message));
    if (call.of !== result.of) throw bug(`answer to ${call.of} is of kind ${result.of}`);
    call.settle(result);
  }

  private send<K extends Kind>(
    inbox: SchedulerInbox,
    of: K,
    message: (callId: number) => SchedulerMsg,
  ): Promise<ResultOf<K>> {
    const callId = this.nextCallId++;
    return new Promise((resolve, fail) => {
      this.waiting.set(callId, { of, settle: (result) => resolve(result as ResultOf<K>), fail });
      inbox.put(message(callId));
    });
  }
}
