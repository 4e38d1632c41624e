import type {
  ControlResult,
  ExpertOrder,
  InternalState,
  MemoryTag,
  ParameterRows,
  PauseMode,
} from '../ipc/messages';
import type { ServerArgs } from '../server-args/server-args';
import { ControlCalls } from './control-calls';
import type { Schedulers } from './dispatch/schedulers';
import type { SignsOfLife } from './signs-of-life';

const FLUSH_RETRY_MS = 50;

/** What operators have all schedulers do, and ask them. */
export class OperatorCalls {
  private readonly calls: ControlCalls;
  /** The call for the state of now that is under way, for all who ask meanwhile. */
  private paused = false;
  private loading: Promise<readonly InternalState[]> | null = null;

  constructor(
    private readonly schedulers: Schedulers,
    private readonly signs: SignsOfLife,
  ) {
    this.calls = new ControlCalls(schedulers.inboxes);
  }

  /** Whether work is held: from the moment that it was ordered. */
  get isPaused(): boolean {
    return this.paused;
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
    this.paused = true;
    if (mode === 'abort') this.abortAll();
    await this.calls.call('pause', (callId) => ({ type: 'pause', callId, mode }));
  }

  async continueGeneration(): Promise<void> {
    this.paused = false;
    await this.calls.call('continue', (callId) => ({ type: 'continue', callId }));
  }

  /** Has weights loaded beside those that serve. @returns what is wrong, by rank */
  async loadWeights(modelDir: string, loadFormat: ServerArgs['loadFormat']): Promise<(string | null)[]> {
    const type = 'load_weights';
    const results = await this.calls.call(type, (callId) => ({ type, callId, modelDir, loadFormat }));
    return results.map(({ failure }) => failure);
  }

  /** The weights that were loaded serve from now on; the caches are empty where they are flushed. */
  async swapWeights(flushCache: boolean): Promise<void> {
    await this.calls.call('swap_weights', (callId) => ({ type: 'swap_weights', callId, flushCache }));
    if (flushCache) this.schedulers.flushed();
  }

  /** Frees weights that were loaded and will not serve. */
  async dropWeights(): Promise<void> {
    await this.calls.call('drop_weights', (callId) => ({ type: 'drop_weights', callId }));
  }

  /** The first rows of a weight, by rank. */
  async readWeights(
    name: string,
    rows: number,
  ): Promise<readonly { readonly parameter: ParameterRows | null; readonly failure: string | null }[]> {
    return this.calls.call('read_weights', (callId) => ({ type: 'read_weights', callId, name, rows }));
  }

  /** Gives memory back. @returns whether a scheduler had requests and kept it */
  async releaseMemory(tags: readonly MemoryTag[]): Promise<boolean> {
    const type = 'release_memory';
    const results = await this.calls.call(type, (callId) => ({ type, callId, tags }));
    if (tags.includes('kv_cache')) this.schedulers.flushed();
    return results.some(({ isBusy }) => isBusy);
  }

  /** Takes memory again. @returns what is wrong, by rank */
  async resumeMemory(tags: readonly MemoryTag[]): Promise<(string | null)[]> {
    const type = 'resume_memory';
    const results = await this.calls.call(type, (callId) => ({ type, callId, tags }));
    return results.map(({ failure }) => failure);
  }

  /** See `TokenizerManager.recordExperts`. */
  async recordExperts(order: ExpertOrder): Promise<readonly string[]> {
    const type = 'expert_distribution';
    // The same for the files of all schedulers.
    const stamp = ((performance.timeOrigin + performance.now()) / 1000).toFixed(6);
    const results = await this.calls.call(type, (callId) => ({ type, callId, order, stamp }));
    return results.flatMap(({ files }) => files);
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
