import { bug, RequestError } from '../core/errors';
import type { ControlResult, SchedulerMsg } from '../ipc/messages';

type Kind = Exclude<ControlResult['of'], 'error'>;
export type ResultOf<K extends Kind> = Extract<ControlResult, { of: K }>;

interface Waiting {
  readonly of: Kind;
  readonly settle: (result: ControlResult) => void;
  readonly fail: (error: RequestError) => void;
}

/** Calls to the scheduler that have an answer. One of each kind is under way at a time; further ones wait their turn. */
export class ControlCalls {
  private nextCallId = 1;
  private readonly waiting = new Map<number, Waiting>();
  /** Settles when the last call of a kind has been answered. */
  private readonly tails = new Map<Kind, Promise<unknown>>();

  constructor(private readonly put: (message: SchedulerMsg) => void) {}

  /**
   * @param message the call, given the id its answer will carry
   * @throws RequestError when call or answer could not be read
   */
  call<K extends Kind>(of: K, message: (callId: number) => SchedulerMsg): Promise<ResultOf<K>> {
    const previous = this.tails.get(of) ?? Promise.resolve();
    const answered = previous.then(() => this.send(of, message));
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

  private send<K extends Kind>(of: K, message: (callId: number) => SchedulerMsg): Promise<ResultOf<K>> {
    const callId = this.nextCallId++;
    return new Promise((resolve, fail) => {
      this.waiting.set(callId, { of, settle: (result) => resolve(result as ResultOf<K>), fail });
      this.put(message(callId));
    });
  }
}
