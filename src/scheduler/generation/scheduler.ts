import { assertNever, bug } from '../../core/errors';
import type { FinishReason } from '../../core/request';
import type { TokenTexts } from '../../core/thinking';
import type {
  ControlResult,
  GenerateMsg,
  MemoryUse,
  PauseMode,
  SchedulerLoad,
  SchedulerState,
} from '../../ipc/messages';
import { logger } from '../../logging/logger';
import type { Recorder } from '../../metrics/recorder';
import { RequestSampler } from '../../sampling/request-sampler';
import { Thoughts } from '../../sampling/thoughts';
import type { ServerArgs } from '../../server-args/server-args';
import type { ExpertDuty } from '../experts/expert-duty';
import type { KvLedger } from '../kv/kv-ledger';
import { Loop, type KindMsg } from '../loop';
import type { SchedulerRids } from '../status-log';
import type { Speculator } from '../speculation/speculator';
import { logTimeStats } from '../time-stats';
import type { BatchLog } from './batch-log';
import type { BatchRunner } from './batch-runner';
import { DecodeManager } from './decode-manager';
import { DecodeStep } from './decode-step';
import { readTimeouts, refusal, timeout } from './limits';
import type { GenerationMetrics } from './generation-metrics';
import { NewTokenRatio } from './new-token-ratio';
import type { OutputBatch } from './output-batch';
import { NextBatch } from './next-batch';
import { PrefillManager } from './prefill-manager';
import { joinsSteps, prefillGroups } from './prefill-groups';
import { PrefillPace } from './prefill-pace';
import { cachedOf, tokensOf, type PrefillItem } from './prefill-round';
import { Preparing, unprepared, type Preparation } from './preparation';
import { Request } from './request';
import type { RequestMemory } from './request-memory';
import { recordRoutingKeys } from './routing-keys';
import type { RowTable } from './row-table';
import { WaitingQueue } from './waiting-queue';
import { WeightsDuty, type WeightsDutyParts } from '../weights/weights-duty';

/** What the scheduler works with. */
export interface SchedulerParts {
  readonly args: ServerArgs;
  readonly vocabSize: number;
  /** Tokens a request can have at most, and its prompt. */
  readonly maxReqLen: number;
  readonly maxReqInputLen: number;
  readonly rows: RowTable;
  readonly memory: RequestMemory;
  readonly ledger: KvLedger;
  readonly runner: BatchRunner;
  readonly outputs: OutputBatch;
  /** null where nothing is drafted. */
  readonly speculator: Speculator | null;
  readonly log: BatchLog;
  readonly metrics: GenerationMetrics;
  /** What requests need before they can be computed. */
  readonly preparations: readonly Preparation[];
  readonly tokenTexts: TokenTexts;
  /** Uniform in [0, 1); a function of `--random-seed`. */
  readonly random: () => number;
  readonly reply: (callId: number, result: ControlResult) => void;
  /** null where no experts are recorded. */
  readonly experts: ExpertDuty | null;
  readonly memoryUse: MemoryUse;
  readonly weights: WeightsDutyParts['weights'];
  /** A batch ended. */
  readonly afterBatch: () => void;
}

const ABORTED: FinishReason = { type: 'abort', message: 'Aborted', status_code: null, err_type: null };
const ABORTED_WAITING: FinishReason = { type: 'abort', message: 'Abort in waiting queue' };

/**
 * The conductor: takes messages, chooses a batch, has it computed, and passes results on while the next batch computes.
 * Everything that changes state happens between two runs.
 */
export class Scheduler extends Loop {
  private readonly preparing: Preparing;
  private readonly waiting: WaitingQueue;
  private readonly nextBatch: NextBatch;
  private readonly decodeStep: DecodeStep;
  private readonly ratio: NewTokenRatio;
  private readonly timeouts = readTimeouts();
  protected readonly weightsDuty: WeightsDuty;
  private paused = false;
  /** Batches that had run when the token budget was last checked: an idle server does not check it again. */
  private checkedAt = 0;

  constructor(private readonly parts: SchedulerParts) {
    super();
    const { args, rows, memory, ledger } = parts;
    this.ratio = new NewTokenRatio(args.scheduleConservativeness);
    this.preparing = new Preparing(parts.preparations, () => this.nudge());
    const limits = {
      maxQueued: args.maxQueuedRequests,
      priority: args.enablePriorityScheduling,
      lowPriorityValuesFirst: args.scheduleLowPriorityValuesFirst,
    };
    this.waiting = new WaitingQueue(limits, this.preparing);
    const retract = (request: Request) => this.retract(request);
    const prefill = new PrefillManager(
      args,
      this.waiting,
      rows,
      memory,
      ledger,
      this.ratio,
      retract,
      parts.random,
    );
    this.weightsDuty = new WeightsDuty({
      ...parts,
      isIdle: () => rows.size + this.waiting.size === 0,
      forget: () => this.forget(),
    });
    const pace = new PrefillPace();
    this.decodeStep = new DecodeStep(parts.runner, memory, parts.speculator, pace);
    const decode = new DecodeManager(rows, memory, ledger, this.ratio, retract, (request, reason) =>
      this.end(request, reason),
    );
    this.nextBatch = new NextBatch(prefill, decode, rows, pace, parts.runner.mixes);
  }

  protected get experts(): ExpertDuty | null {
    return this.parts.experts;
  }

  get state(): SchedulerState {
    return {
      running: this.parts.rows.size,
      queued: this.waiting.size,
      forwardCount: this.parts.runner.forwardCount,
      busyMs: this.parts.runner.busyMs,
    };
  }

  get load(): SchedulerLoad {
    const { ledger, log, rows } = this.parts;
    const waiting = this.waiting.all;
    return {
      running: rows.size,
      queued: waiting.length,
      preparing: this.preparing.size,
      retracted: waiting.filter(({ retractions }) => retractions > 0).length,
      paused: this.paused,
      maxRunning: rows.size + rows.free,
      usedTokens: ledger.used,
      queuedTokens: waiting.reduce((sum, { length }) => sum + length, 0),
      totalTokens: ledger.total,
      genThroughput: log.genThroughput,
      cacheHitRate: log.cacheHitRate,
      drafts: this.parts.speculator?.load ?? null,
    };
  }

  get memory(): MemoryUse {
    const { memoryUse } = this.parts;
    return this.weightsDuty.isKvReleased ? { ...memoryUse, kvCacheBytes: 0 } : memoryUse;
  }

  override recordGauges(metrics: Recorder): void {
    super.recordGauges(metrics);
    const { ledger, rows } = this.parts;
    const evictable = ledger.cache.sizes.evictable;
    metrics.record('kv_evictable_tokens', evictable);
    metrics.record('kv_available_tokens', ledger.available - evictable);
    metrics.record(
      'decode_sum_seq_lens',
      rows.decoding.reduce((sum, { length }) => sum + length, 0),
    );
    metrics.record('new_token_ratio', this.ratio.current);
    recordRoutingKeys(metrics, rows.requests, this.waiting.all);
  }

  get rids(): SchedulerRids {
    const running = this.parts.rows.requests.map(({ rid }) => rid);
    return { running, queued: [...this.waiting.all].map(({ rid }) => rid) };
  }

  private settlePreparations(): void {
    for (const { request, error } of this.preparing.settle()) {
      this.waiting.remove(request);
      this.say(request, unprepared(error));
    }
  }

  /** Computes one batch. @returns false when there was nothing to compute */
  protected async step(): Promise<boolean> {
    this.settlePreparations();
    this.expire(performance.now());
    const computed = !this.paused && (await this.runNext());
    if (!computed) this.parts.outputs.flush();
    return computed;
  }

  private async runNext(): Promise<boolean> {
    const now = performance.now();
    const { items, streams } = this.nextBatch.choose(now);
    if (items.length > 0) await this.runPrefill(items, streams, now);
    else if (streams.length > 0) await this.runDecode(streams, now);
    else return false;
    if (this.parts.args.disableOverlapSchedule) this.parts.outputs.flush();
    this.parts.afterBatch();
    return true;
  }

  private async runPrefill(
    items: readonly PrefillItem[],
    streams: readonly Request[],
    now: number,
  ): Promise<void> {
    this.admitted(items, now);
    const ends = new Map(
      items.map(({ request, tokens }) => [request, request.length === request.cachedLen + tokens]),
    );
    let waiting = streams;
    for (const group of prefillGroups(items, this.parts.runner.packs)) {
      const begunAt = performance.now();
      const joined = waiting.length > 0 && joinsSteps(group, waiting.length);
      if (waiting.length > 0) await this.runDecode(waiting, now, joined ? group : []);
      if (!joined) await this.parts.runner.prefill(group, this.meanwhile);
      waiting = [];
      for (const { request } of group) this.prefilled(request, begunAt, ends.get(request) ?? false);
    }
  }

  /** Notes a batch of prompts that is about to run. */
  private admitted(items: readonly PrefillItem[], now: number): void {
    this.parts.metrics.prefill(items, now);
    for (const { request } of items) request.trace?.admitted(now);
    this.parts.log.prefill(items.length, tokensOf(items), cachedOf(items), this.gauges());
  }

  /** A piece of a request's prompt was computed. @param isWhole whether it was the last */
  private prefilled(request: Request, begunAt: number, isWhole: boolean): void {
    const { memory, metrics, outputs, rows } = this.parts;
    request.trace?.prefilled(begunAt, isWhole);
    if (request.finish) {
      this.end(request, request.finish);
      return;
    }
    memory.share(request);
    if (!isWhole) return;
    rows.promote(request);
    if (request.firstTokenAt === null) {
      request.firstTokenAt = performance.now();
      metrics.prefilled(request);
    }
    outputs.collect(request);
  }

  /**
   * A step of all streams.
   * @param group prompts that are computed in the same run
   */
  private async runDecode(
    streams: readonly Request[],
    now: number,
    group: readonly PrefillItem[] = [],
  ): Promise<void> {
    const gauges = this.gauges();
    const outputLens = streams.map(({ outputLen }) => outputLen);
    const runs = await this.decodeStep.run(streams, group, this.meanwhile, (request) => {
      request.trace?.decoded(now);
      if (request.finish) this.end(request, request.finish);
      else this.parts.outputs.collect(request);
    });
    const tokens = streams.reduce((sum, { outputLen }, i) => sum + outputLen - (outputLens[i] ?? 0), 0);
    this.parts.log.decode(gauges, tokens);
    this.parts.metrics.decoded(runs, tokens);
  }

  /** Done while a batch computes: the results of the one before leave. */
  private readonly meanwhile = (): void => {
    if (!this.parts.args.disableOverlapSchedule) this.parts.outputs.flush();
  };

  protected handle(message: KindMsg): void {
    const { reply } = this.parts;
    switch (message.type) {
      case 'generate':
        return this.enqueue(message);
      case 'abort':
        return this.abortWhere((request) => request.rid === message.rid);
      case 'abort_all':
        return this.abortWhere(() => true);
      case 'stopped':
        return this.endStopped(message.rid);
      case 'pause':
        this.pause(message.mode);
        return reply(message.callId, { of: 'pause' });
      case 'continue':
        this.paused = false;
        return reply(message.callId, { of: 'continue' });
      case 'flush_cache':
        return reply(message.callId, { of: 'flush_cache', success: this.flushCache() });
      case 'get_internal_state':
        return reply(message.callId, { of: 'get_internal_state', state: this.internalState });
      case 'embed':
        throw bug('a model that gives tokens was asked for a vector');
      default:
        return assertNever(message);
    }
  }

  private enqueue(message: GenerateMsg): void {
    const { args, maxReqInputLen, maxReqLen, random, vocabSize } = this.parts;
    const seed = message.sampling.seed ?? Math.floor(random() * 2 ** 31);
    const { sampling, thinking } = message;
    const thoughts = thinking && new Thoughts(thinking, this.parts.tokenTexts);
    const sampler = new RequestSampler(sampling, vocabSize, message.inputIds, seed, message.sample, thoughts);
    const request = new Request(message, sampler, maxReqLen, performance.now());
    const reason = refusal(message, maxReqInputLen, args);
    const rejection = reason ? { request, reason } : this.waiting.add(request);
    request.trace?.queued();
    if (rejection) this.say(rejection.request, rejection.reason);
  }

  private abortWhere(matches: (request: Request) => boolean): void {
    for (const request of this.waiting.take(matches)) this.say(request, ABORTED_WAITING);
    for (const request of this.parts.rows.requests.filter(matches)) this.end(request, ABORTED);
  }

  /**
   * The detokenizer ended the request: there is nothing left to say, only memory to give back. One that has said nothing
   * yet is another of the same name, whose client was told of the end before this process was.
   */
  private endStopped(rid: string): void {
    const isMeant = (request: Request) => request.rid === rid && request.opened;
    for (const request of this.waiting.take(isMeant)) {
      request.sampler.dispose();
      request.trace?.ended(request);
    }
    for (const request of this.parts.rows.requests.filter(isMeant)) {
      request.sampler.dispose();
      this.left(request);
      this.parts.memory.finish(request);
    }
  }

  private pause(mode: PauseMode): void {
    this.paused = true;
    if (mode === 'abort') this.abortWhere(() => true);
    if (mode === 'retract') this.retractAll();
  }

  private retractAll(): void {
    for (const request of this.parts.rows.requests.reverse()) this.retract(request);
  }

  /** Drops all keys and values; requests that run compute theirs anew, and lose nothing. */
  private forget(): void {
    this.retractAll();
    this.parts.memory.reset();
  }

  private flushCache(): boolean {
    const { log, memory, rows } = this.parts;
    if (rows.size + this.waiting.size > 0) {
      const counts = `#queue-req: ${this.waiting.size}, #running-req: ${rows.size}`;
      logger.log('warning', `Cache not flushed because there are pending requests. ${counts}`);
      return false;
    }
    memory.reset();
    log.reset();
    for (const preparation of this.parts.preparations) preparation.flush?.();
    logger.info('Cache flushed successfully!');
    return true;
  }

  /** Ends requests whose time is up. */
  private expire(now: number): void {
    const { waitingMs, runningMs } = this.timeouts;
    if (waitingMs === Infinity && runningMs === Infinity) return;
    for (const request of this.waiting.all) {
      const reason = timeout(request, true, now, this.timeouts);
      if (!reason) continue;
      this.waiting.remove(request);
      this.say(request, reason);
    }
    for (const request of this.parts.rows.requests) {
      const reason = timeout(request, false, now, this.timeouts);
      if (reason) this.end(request, reason);
    }
  }

  /** Ends a request that holds a row. What it computed stays cached where it is valid. */
  private end(request: Request, reason: FinishReason): void {
    this.say(request, reason);
    this.left(request);
    if (request.kvValid) this.parts.memory.finish(request);
    else this.parts.memory.drop(request);
  }

  /** A request gives up its row for good. */
  private left(request: Request): void {
    const { args, metrics } = this.parts;
    metrics.ended(request);
    request.trace?.ended(request);
    if (!args.enableRequestTimeStatsLogging) return;
    const { arrivedAt, firstTokenAt, outputLen, promptLen: inputLen, rid, startedAt } = request;
    const endedAt = performance.now();
    logTimeStats({ rid, inputLen, outputLen, arrivedAt, startedAt, firstTokenAt, endedAt });
  }

  /** A request's last output. */
  private say(request: Request, reason: FinishReason): void {
    request.finish = reason;
    request.sampler.dispose();
    this.parts.outputs.collect(request);
    request.trace?.ended(request);
  }

  private retract(request: Request): void {
    this.parts.metrics.retracted(request);
    this.parts.memory.drop(request);
    const now = performance.now();
    request.retract(now);
    request.trace?.retracted(now);
    this.waiting.putBack(request);
  }

  /** With nothing running the token budget must add up; if it does not, say so and start with a clean one. */
  protected idle(): void {
    const { ledger, log, memory, rows, runner } = this.parts;
    log.whenIdle();
    if (this.paused) return;
    this.ratio.whenIdle();
    if (this.checkedAt === runner.forwardCount) return;
    this.checkedAt = runner.forwardCount;
    const discrepancy = ledger.checkIntegrity(memory.heldSlots());
    if (discrepancy === null) return;
    logger.error(`token_to_kv_pool_allocator memory leak detected! ${discrepancy}. The cache is rebuilt.`);
    if (rows.size === 0) memory.reset();
  }

  private gauges() {
    const { ledger, rows } = this.parts;
    return {
      running: rows.decoding.length,
      queued: this.waiting.size,
      usedTokens: ledger.used,
      totalTokens: ledger.total,
    };
  }
}
