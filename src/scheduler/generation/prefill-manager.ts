import type { ServerArgs } from '../../server-args/server-args';
import type { KvLedger } from '../kv/kv-ledger';
import type { PrefixHandle } from '../kv/prefix-cache';
import type { NewTokenRatio } from './new-token-ratio';
import { orderByPriority, SCHEDULE_POLICIES, type PolicyContext } from './policy';
import { CLIP_MAX_NEW_TOKENS, PrefillRound, reservedTokens, type PrefillItem } from './prefill-round';
import type { Request } from './request';
import type { RequestMemory } from './request-memory';
import { preemptible } from './retraction';
import type { RowTable } from './row-table';
import type { WaitingQueue } from './waiting-queue';

type AdmissionArgs = Pick<
  ServerArgs,
  | 'chunkedPrefillSize'
  | 'maxPrefillTokens'
  | 'prefillMaxRequests'
  | 'pageSize'
  | 'schedulePolicy'
  | 'disableRadixCache'
  | 'enablePriorityScheduling'
  | 'scheduleLowPriorityValuesFirst'
  | 'prioritySchedulingPreemptionThreshold'
>;

/** Chooses whose prompt is computed next and makes room for it. */
export class PrefillManager {
  constructor(
    private readonly args: AdmissionArgs,
    private readonly waiting: WaitingQueue,
    private readonly rows: RowTable,
    private readonly memory: RequestMemory,
    private readonly ledger: KvLedger,
    private readonly ratio: NewTokenRatio,
    private readonly retract: (request: Request) => void,
    private readonly random: () => number,
  ) {}

  get runnable(): boolean {
    return this.rows.prefilling.length > 0 || this.waiting.ready.length > 0;
  }

  /**
   * The next batch of prompts or pieces of prompts; empty when nothing can be admitted now.
   * @param most tokens of it, or a page, where `--chunked-prefill-size` does not ask for fewer
   */
  next(now: number, most = Infinity): readonly PrefillItem[] {
    if (!this.runnable) return [];
    this.rows.compact();
    const round = this.openRound(most);
    for (const request of this.rows.prefilling) round.resume(request);
    // A prompt that is still incomplete took the whole chunk: nobody else fits.
    for (const request of this.ordered()) {
      if (!this.tryAdmit(round, request, now) && !this.preemptFor(request, round, now)) break;
    }
    return this.reserve(round.items);
  }

  /**
   * The items that memory suffices for, up to the first for which it does not: rows follow the order of admission, so
   * nobody may complete its prompt before one that has to wait.
   */
  private reserve(items: readonly PrefillItem[]): readonly PrefillItem[] {
    const short = items.findIndex(
      ({ request, tokens }) => !this.memory.grow(request, request.cachedLen + tokens),
    );
    return short < 0 ? items : items.slice(0, short);
  }

  private openRound(most: number): PrefillRound {
    const { chunkedPrefillSize, maxPrefillTokens, prefillMaxRequests, pageSize } = this.args;
    const incomplete = this.rows.prefilling.reduce(
      (sum, { extendLen, remainLen }) => sum + extendLen + Math.min(remainLen, CLIP_MAX_NEW_TOKENS),
      0,
    );
    return new PrefillRound({
      total: this.ledger.available - reservedTokens(this.rows.decoding, this.ratio.current) - incomplete,
      input: maxPrefillTokens,
      chunk: Math.min(Math.max(most, pageSize), chunkedPrefillSize > 0 ? chunkedPrefillSize : Infinity),
      requests: prefillMaxRequests ?? Infinity,
      rows: this.rows.free,
      pageSize,
    });
  }

  private tryAdmit(round: PrefillRound, request: Request, now: number): boolean {
    // Pinning takes the prefix out of what can be evicted, so the budget is looked at with the pin in place.
    const before = this.ledger.available;
    const prefix = this.memory.pin(request);
    const extendLen = request.length - prefix.slots.length;
    const pinned = before - this.ledger.available;
    round.charge(pinned);
    if (!round.admits(request, extendLen)) {
      this.memory.unpin(prefix);
      round.charge(-pinned);
      return false;
    }
    this.waiting.remove(request);
    this.memory.admit(request, prefix);
    request.startedAt ??= now;
    round.add(request, extendLen);
    return true;
  }

  /** With priorities, pushes out less urgent requests until the waiting one fits. */
  private preemptFor(request: Request, round: PrefillRound, now: number): boolean {
    const {
      enablePriorityScheduling,
      prioritySchedulingPreemptionThreshold,
      scheduleLowPriorityValuesFirst,
    } = this.args;
    if (!enablePriorityScheduling || round.items.length > 0) return false;
    const victims = preemptible(
      request,
      this.rows.decoding,
      prioritySchedulingPreemptionThreshold,
      scheduleLowPriorityValuesFirst,
    );
    if (!this.wouldFit(request, round, victims)) return false;
    for (const victim of victims) {
      const before = this.ledger.available;
      this.retract(victim);
      round.refund(this.ledger.available - before + this.reserved(victim));
      if (this.tryAdmit(round, request, now)) return true;
    }
    return false;
  }

  /** Whether all that the victims hold can be enough; if not, nobody is pushed out in vain. */
  private wouldFit(request: Request, round: PrefillRound, victims: readonly Request[]): boolean {
    if (victims.length === 0) return false;
    const gain = victims.reduce((sum, victim) => sum + victim.slots.length + this.reserved(victim), 0);
    return round.hasTokens(request, request.length - this.peek(request).cachedLen, gain);
  }

  /** What the round keeps free for a running request's future. */
  private reserved(running: Request): number {
    return reservedTokens([running], this.ratio.current);
  }

  private peek(request: Request): PrefixHandle {
    return this.ledger.cache.peek(request.ids.view(), request.prefixLimit, request.extraKey);
  }

  private ordered(): Request[] {
    const { schedulePolicy, enablePriorityScheduling, scheduleLowPriorityValuesFirst } = this.args;
    const ordered = SCHEDULE_POLICIES[schedulePolicy](this.waiting.ready, this.policyContext());
    return enablePriorityScheduling ? orderByPriority(ordered, scheduleLowPriorityValuesFirst) : ordered;
  }

  private policyContext(): PolicyContext<Request> {
    const { cache } = this.ledger;
    const peek = (request: Request) => this.peek(request);
    return {
      prefixLen: (request) => peek(request).cachedLen,
      dfsOrder: (requests) => cache.dfsOrder(requests.map(peek)).map((index) => requests[index] as Request),
      running: this.rows.requests,
      cacheEnabled: !this.args.disableRadixCache,
      random: this.random,
    };
  }
}
