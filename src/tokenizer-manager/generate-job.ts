import { RequestError, type ErrorCode } from '../core/errors';
import type { FinishReason } from '../core/request';
import type { GenerateResult, RequestState } from './request-state';

/** One step of a stream. The result is live: read it before asking for the next chunk. */
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
    let running = this.states.length;
    while (running > 0) {
      const next = await this.nextChanged();
      if (next === null) break;
      if (next.state.finish === null) continue;
      running -= 1;
      const refusal = refusalOf(next.state.finish);
      if (refusal !== null) {
        this.abandon();
        throw refusal;
      }
    }
    return this.states;
  }

  /** Yields a chunk for each piece of news; several that come faster than they are read become one. */
  async *chunks(): AsyncGenerator<GenerateChunk, void, void> {
    const sent = this.states.map(() => 0);
    const started = new Set<number>();
    let running = this.states.length;
    while (running > 0) {
      const next = await this.nextChanged();
      if (next === null) return;
      const { index, state } = next;
      if (state.finish !== null) running -= 1;
      const newIds = state.outputIds.slice(sent[index]);
      sent[index] = state.outputIds.length;
      yield { index, result: state, newIds, isFirst: !started.has(index) };
      started.add(index);
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

  /** The next request with news; null once the job is abandoned. */
  private async nextChanged(): Promise<{ index: number; state: RequestState } | null> {
    while (this.changed.size === 0 && !this.isAbandoned) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    if (this.isAbandoned) return null;
    const [index] = this.changed;
    if (index === undefined) return null;
    this.changed.delete(index);
    const state = this.states[index];
    return state === undefined ? null : { index, state };
  }
}

/** The error a non-streaming client gets for a request that the scheduler refused; null for every other end. */
export function refusalOf(finish: FinishReason): RequestError | null {
  if (finish.type !== 'abort' || (finish.status_code ?? null) === null) return null;
  const codes: Readonly<Record<number, ErrorCode>> = { 400: 'bad_value', 503: 'overloaded' };
  return new RequestError(codes[finish.status_code ?? 500] ?? 'internal', finish.message);
}
