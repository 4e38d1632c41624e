import { RequestError, type ErrorCode } from '../core/errors';
import type { FinishReason } from '../core/request';
import type { GenerateResult, RequestState } from './request-state';

/** One step of a stream. */
export interface GenerateChunk {
  /** Which request of the batch. */
  readonly index: number;
  readonly result: GenerateResult;
  /** Tokens since the request's previous chunk. */
  readonly newIds: readonly number[];
  readonly isFirst: boolean;
}

/** The requests that one client waits for, in the order of the reply. Read it once: whole or as chunks. */
export class GenerateJob {
  /** Requests with news that were not read yet, in order of arrival. */
  private readonly changed = new Set<number>();
  private wake: (() => void) | null = null;
  private isAbandoned = false;

  /** @param abort asks the scheduler to end a request */
  constructor(
    private readonly states: readonly RequestState[],
    /** Whether the client gets a list. */
    readonly isBatch: boolean,
    private readonly abort: (rid: string) => void,
  ) {
    states.forEach((state, index) => {
      state.attach(() => {
        this.changed.add(index);
        this.wake?.();
      });
    });
  }

  /**
   * Waits until all requests have ended.
   * @throws RequestError when the scheduler refused one of them; the others are aborted
   */
  async results(): Promise<readonly GenerateResult[]> {
    for await (const finish of this.chunks(({ result }) => result.finish)) {
      const refusal = finish === null ? null : refusalOf(finish);
      if (refusal !== null) {
        this.abandon();
        throw refusal;
      }
    }
    return this.states;
  }

  /**
   * Yields what `read` makes of each piece of news; several that come faster than they are taken become one.
   * @param read called at once: the result it is given goes on changing afterwards
   */
  async *chunks<T>(read: (chunk: GenerateChunk) => T): AsyncGenerator<T, void, void> {
    const sent = this.states.map(() => 0);
    const started = new Set<number>();
    let running = this.states.length;
    while (running > 0) {
      await this.news();
      if (this.isAbandoned) return;
      // From here to `read` nothing is awaited: what is counted as the end is also read as the end, and only once.
      const [index] = this.changed;
      const state = index === undefined ? undefined : this.states[index];
      if (index === undefined || state === undefined) continue;
      this.changed.delete(index);
      if (state.finish !== null) running -= 1;
      const newIds = state.outputIds.slice(sent[index]);
      sent[index] = state.outputIds.length;
      const isFirst = !started.has(index);
      started.add(index);
      yield read({ index, result: state, newIds, isFirst });
    }
  }

  /** Stops listening, for good, and aborts what is unfinished. */
  abandon(): void {
    if (this.isAbandoned) return;
    this.isAbandoned = true;
    for (const state of this.states) {
      if (state.finish !== null) continue;
      this.abort(state.rid);
      state.detach();
    }
    this.wake?.();
  }

  /** Waits until there is news or the job is abandoned. */
  private async news(): Promise<void> {
    while (this.changed.size === 0 && !this.isAbandoned) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}

/** The error a non-streaming client gets for a request that the scheduler refused; null for every other end. */
export function refusalOf(finish: FinishReason): RequestError | null {
  if (finish.type !== 'abort' || (finish.status_code ?? null) === null) return null;
  const codes: Readonly<Record<number, ErrorCode>> = { 400: 'bad_value', 503: 'overloaded' };
  return new RequestError(codes[finish.status_code ?? 500] ?? 'internal', finish.message);
}
