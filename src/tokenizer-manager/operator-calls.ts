import type { ControlResult, InternalState, PauseMode } from '../ipc/messages';
import { ControlCalls } from './control-calls';
import type { Schedulers } from './dispatch/schedulers';
import type { SignsOfLife } from './signs-of-life';

const FLUSH_RETRY_MS = 50;

/** What operators have all schedulers do, and ask them. */
export class OperatorCalls {
  private readonly calls: ControlCalls;
  /** The call for the state of now that is under way, for all who ask meanwhile. */
  private loading: Promise<readonly InternalState[]> | null = null;

  constructor(
    private readonly schedulers: Schedulers,
    private readonly signs: SignsOfLife,
  ) {
    this.calls = new ControlCalls(schedulers.inboxes);
  }

  /** Takes the answer to a call. */
  settle(callId: number, result: ControlResult): void {
    this.calls.settle(callId, result);
  }

  abortAll(): void {
    for (const scheduler of this.schedulers.inboxes) scheduler.put({ type: 'abort_all' });
  }

  /** See `TokenizerManager.flushCache`. */
  async flushCache(timeoutMs: number, gone: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const type = 'flush_cache';
      const results = await this.calls.call(type, (callId) => ({ type, callId }));
      const success = results.every((result) => result.success);
      if (success) this.schedulers.flushed();
      const leftMs = deadline - performance.now();
      if (success || leftMs <= 0 || gone.aborted) return success;
      await this.signs.nextOutput(Math.min(leftMs, FLUSH_RETRY_MS));
    }
  }

  /** Holds all work until `continueGeneration`; `abort` ends what has been sent so far. */
  async pauseGeneration(mode: PauseMode): Promise<void> {
    if (mode === 'abort') this.abortAll();
    await this.calls.call('pause', (callId) => ({ type: 'pause', callId, mode }));
  }

  async continueGeneration(): Promise<void> {
    await this.calls.call('continue', (callId) => ({ type: 'continue', callId }));
  }

  /** Of each scheduler, by rank. */
  async internalStates(): Promise<readonly InternalState[]> {
    const type = 'get_internal_state';
    return (await this.calls.call(type, (callId) => ({ type, callId }))).map(({ state }) => state);
  }

  /** The same for those who ask often: callers at the same time share one answer. */
  loads(): Promise<readonly InternalState[]> {
    this.loading ??= this.internalStates().finally(() => (this.loading = null));
    return this.loading;
  }
}
