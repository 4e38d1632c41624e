import type { Draft, Speculator } from '../speculation/speculator';
import { withinTurn } from '../speculation/draft-policy';
import type { BatchRunner } from './batch-runner';
import type { PrefillPace } from './prefill-pace';
import { tokensOf, type PrefillItem } from './prefill-round';
import type { Request } from './request';
import type { RequestMemory } from './request-memory';

/** Which runs a step took. */
export interface StepRuns {
  /** Requests in a run of the decode batch alone; 0 where there was none. */
  readonly together: number;
  /** Runs of one request over a draft, and those that prompts joined. */
  readonly others: number;
}

/**
 * One step of the decoding requests. Without drafts it is a run of all of them, and of pieces of prompts that join. A request with a draft
 * runs alone: in place of the batch where all have one, and else after it, for as long as the batch took.
 */
export class DecodeStep {
  /** @param speculator null where nothing is drafted */
  constructor(
    private readonly runner: Pick<BatchRunner, 'decode' | 'mixed' | 'verify'>,
    private readonly memory: Pick<RequestMemory, 'grow'>,
    private readonly speculator: Speculator | null,
    private readonly pace: Pick<PrefillPace, 'stepTook' | 'mixedStepTook'>,
  ) {}

  /**
   * @param requests holders of the first rows, in their order
   * @param group pieces of prompts of the rows behind them that join the step, in which nothing is drafted then
   * @param meanwhile runs once the device is busy
   * @param settle called with a request after each run that it was in
   */
  async run(
    requests: readonly Request[],
    group: readonly PrefillItem[],
    meanwhile: () => void,
    settle: (request: Request) => void,
  ): Promise<StepRuns> {
    if (group.length > 0) return this.withPrompts(requests, group, meanwhile, settle);
    const drafts = this.drafts(requests, requests.length);
    if (drafts.length === requests.length) return this.verifyAll(drafts, 0, meanwhile, settle);
    const stepMs = await this.together(requests, meanwhile);
    requests.forEach(settle);
    if (drafts.length === 0) return { together: requests.length, others: 0 };
    const running = requests.filter(({ finish }) => finish === null);
    const next = withinTurn(this.drafts(running, requests.length), stepMs);
    return this.verifyAll(next, requests.length, meanwhile, settle);
  }

  /** A step in one run with pieces of prompts. */
  private async withPrompts(
    requests: readonly Request[],
    group: readonly PrefillItem[],
    meanwhile: () => void,
    settle: (request: Request) => void,
  ): Promise<StepRuns> {
    const ms = await this.timed(requests, () => this.runner.mixed(requests, group, meanwhile));
    this.pace.mixedStepTook(requests.length, tokensOf(group), ms);
    requests.forEach(settle);
    return { together: 0, others: 1 };
  }

  /** Drafts that pay and that there is memory for. */
  private drafts(requests: readonly Request[], batchSize: number): Draft[] {
    const drafts = this.speculator?.drafts(requests, batchSize) ?? [];
    return drafts.filter(({ request, ids }) => this.memory.grow(request, request.length + ids.length));
  }

  /** @returns the milliseconds it took */
  private async together(requests: readonly Request[], meanwhile: () => void): Promise<number> {
    const ms = await this.timed(requests, () => this.runner.decode(requests, meanwhile));
    this.pace.stepTook(requests.length, ms);
    this.speculator?.times.stepTook(requests.length, ms);
    return ms;
  }

  /** Does the run of a step. @returns the milliseconds it took */
  private async timed(requests: readonly Request[], run: () => Promise<void>): Promise<number> {
    const before = requests.map(({ outputLen }) => outputLen);
    const startedAt = performance.now();
    await run();
    const ms = performance.now() - startedAt;
    requests.forEach((request, i) => {
      if (request.outputLen > (before[i] ?? 0)) this.speculator?.ran(request, 0, 0);
    });
    return ms;
  }

  private async verifyAll(
    drafts: readonly Draft[],
    together: number,
    meanwhile: () => void,
    settle: (request: Request) => void,
  ): Promise<StepRuns> {
    for (const { request, ids } of drafts) {
      const tokens = request.extendLen + ids.length;
      const startedAt = performance.now();
      const { accepted, isOpen } = await this.runner.verify(request, ids, meanwhile);
      this.speculator?.times.runTook(tokens, performance.now() - startedAt);
      this.speculator?.ran(request, ids.length, accepted, isOpen);
      settle(request);
    }
    return { together, others: drafts.length };
  }
}
