import { DeviceLostError, assertNever, bug, errorMessage, traceOf } from '../../core/errors';
import { abortedFor, NAN_HAPPENED, type FinishReason } from '../../core/request';
import type {
  ControlResult,
  EmbedMsg,
  MemoryUse,
  PauseMode,
  SchedulerLoad,
  SchedulerState,
  VectorOutput,
} from '../../ipc/messages';
import { logger } from '../../logging/logger';
import type { Recorder } from '../../metrics/recorder';
import type { EncodedText } from '../../model-runner/packed-inputs';
import type { ExpertDuty } from '../experts/expert-duty';
import { Loop, type KindMsg } from '../loop';
import type { SchedulerRids } from '../status-log';
import { RequestTrace } from '../request-trace';
import { logTimeStats } from '../time-stats';
import { nextBatch, type BatchLimits } from './next-batch';
import { WeightsDuty, type WeightsDutyParts } from '../weights/weights-duty';

/** What the scheduler works with. */
export interface EmbeddingParts {
  /** One vector for each text, in order; see `EmbeddingRunner`. */
  readonly embed: (texts: readonly EncodedText[]) => Promise<readonly (Float32Array | null)[]>;
  readonly limits: BatchLimits;
  /** Requests that may wait; null is unlimited. */
  readonly maxQueued: number | null;
  /** Milliseconds a request may wait; Infinity without a limit. */
  readonly waitingMs: number;
  readonly send: (outputs: readonly VectorOutput[]) => void;
  readonly reply: (callId: number, result: ControlResult) => void;
  /** null where no experts are recorded. */
  readonly experts: ExpertDuty | null;
  readonly memoryUse: MemoryUse;
  readonly weights: WeightsDutyParts['weights'];
  readonly metrics: Recorder;
  /** Whether a line of the log says where a request spent its time. */
  readonly logTimes: boolean;
  /** A batch ended. */
  readonly afterBatch: () => void;
}

interface Waiting extends EncodedText {
  readonly rid: string;
  /** Milliseconds of `performance.now`. */
  readonly queuedAt: number;
  readonly trace: RequestTrace | null;
}

const DONE: FinishReason = { type: 'length', length: 0 };
const ABORTED_WAITING: FinishReason = { type: 'abort', message: 'Abort in waiting queue' };
const QUEUE_FULL = abortedFor(503, 'The request queue is full.');
const TIMED_OUT = abortedFor(503, 'Request waiting timeout reached.');

/**
 * The scheduler of models that turn texts into vectors: a queue and batches, no keys and values to keep. A batch that has
 * begun is finished; whoever leaves before is out of the queue.
 */
export class EmbeddingScheduler extends Loop {
  private waiting: Waiting[] = [];
  private running: readonly Waiting[] = [];
  protected readonly weightsDuty: WeightsDuty;
  private paused = false;
  private forwardCount = 0;
  private busySince: number | null = null;

  constructor(private readonly parts: EmbeddingParts) {
    super();
    this.weightsDuty = new WeightsDuty({
      ...parts,
      isIdle: () => this.waiting.length === 0,
      forget: () => undefined,
    });
  }

  protected get experts(): ExpertDuty | null {
    return this.parts.experts;
  }

  get state(): SchedulerState {
    return {
      running: this.running.length,
      queued: this.waiting.length,
      forwardCount: this.forwardCount,
      busyMs: this.busySince === null ? 0 : performance.now() - this.busySince,
    };
  }

  get load(): SchedulerLoad {
    const { limits } = this.parts;
    const tokens = (requests: readonly Waiting[]) => requests.reduce((sum, { ids }) => sum + ids.length, 0);
    return {
      running: this.running.length,
      queued: this.waiting.length,
      preparing: 0,
      retracted: 0,
      paused: this.paused,
      maxRunning: limits.prompts,
      usedTokens: tokens(this.running),
      queuedTokens: tokens(this.waiting),
      totalTokens: limits.tokens,
      genThroughput: 0,
      cacheHitRate: 0,
      drafts: null,
    };
  }

  get memory(): MemoryUse {
    return this.parts.memoryUse;
  }

  get rids(): SchedulerRids {
    return { running: this.running.map(({ rid }) => rid), queued: this.waiting.map(({ rid }) => rid) };
  }

  protected idle(): void {}

  protected async step(): Promise<boolean> {
    this.expire();
    if (this.paused || this.waiting.length === 0) return false;
    const batch = nextBatch(this.waiting, this.parts.limits);
    this.waiting = this.waiting.filter((request) => !batch.includes(request));
    this.running = batch;
    const startedAt = performance.now();
    this.busySince = startedAt;
    this.recordBatch(batch, startedAt);
    for (const { trace } of batch) trace?.admitted(startedAt);
    let outputs: readonly VectorOutput[];
    try {
      const vectors = await this.parts.embed(batch);
      outputs = batch.map((request, i) => done(request, vectors[i] ?? null));
    } catch (error) {
      if (error instanceof DeviceLostError) throw error;
      logger.log('error', `Forward pass failed: ${traceOf(error)}`);
      outputs = batch.map((request) =>
        output(request, null, abortedFor(500, `The forward pass failed: ${errorMessage(error)}`)),
      );
    }
    this.running = [];
    this.busySince = null;
    this.forwardCount += 1;
    const endedAt = performance.now();
    const seconds = (endedAt - startedAt) / 1000;
    this.parts.metrics.record('forward_execution_seconds_total', seconds, { category: 'forward_extend' });
    outputs.forEach(({ finish }, i) => {
      batch[i]?.trace?.prefilled(startedAt, true);
      batch[i]?.trace?.ended({ firstTokenAt: null, startedAt, finish });
    });
    if (this.parts.logTimes) {
      for (const { rid, ids, queuedAt: arrivedAt } of batch) {
        const lengths = { inputLen: ids.length, outputLen: 0 };
        logTimeStats({ rid, ...lengths, arrivedAt, startedAt, firstTokenAt: null, endedAt });
      }
    }
    this.parts.send(outputs);
    this.parts.afterBatch();
    return true;
  }

  private recordBatch(batch: readonly Waiting[], now: number): void {
    const { metrics } = this.parts;
    for (const { ids, queuedAt } of batch) {
      const seconds = (now - queuedAt) / 1000;
      metrics.record('realtime_tokens_total', ids.length, { mode: 'prefill_compute' });
      metrics.record('queue_time_seconds', seconds);
      metrics.record('per_stage_req_latency_seconds', seconds, { stage: 'prefill_waiting' });
    }
  }

  protected handle(message: KindMsg): void {
    const { reply } = this.parts;
    switch (message.type) {
      case 'embed':
        return this.enqueue(message);
      case 'abort':
        return this.abortWhere(({ rid }) => rid === message.rid);
      case 'abort_all':
        return this.abortWhere(() => true);
      case 'pause':
        this.pause(message.mode);
        return reply(message.callId, { of: 'pause' });
      case 'continue':
        this.paused = false;
        return reply(message.callId, { of: 'continue' });
      case 'flush_cache':
        return reply(message.callId, { of: 'flush_cache', success: true });
      case 'get_internal_state':
        return reply(message.callId, { of: 'get_internal_state', state: this.internalState });
      case 'generate':
      case 'stopped':
        throw bug(`a model that gives vectors was sent a message ${message.type}`);
      default:
        return assertNever(message);
    }
  }

  private enqueue({ rid, inputIds, pairAt, isRaw, trace }: EmbedMsg): void {
    const now = performance.now();
    const request = {
      rid,
      ids: inputIds,
      pairAt,
      ...(isRaw && { isRaw }),
      queuedAt: now,
      trace: trace && new RequestTrace(trace, now),
    };
    const { maxQueued } = this.parts;
    request.trace?.queued();
    if (maxQueued === null || this.waiting.length < maxQueued) this.waiting.push(request);
    else this.refuse([request], QUEUE_FULL);
  }

  private pause(mode: PauseMode): void {
    this.paused = true;
    if (mode === 'abort') this.abortWhere(() => true);
  }

  private expire(): void {
    const { waitingMs } = this.parts;
    if (waitingMs === Infinity) return;
    const oldest = performance.now() - waitingMs;
    this.drop(({ queuedAt }) => queuedAt < oldest, TIMED_OUT);
  }

  private refuse(requests: readonly Waiting[], reason: FinishReason): void {
    for (const { trace } of requests) trace?.ended({ firstTokenAt: null, startedAt: null, finish: reason });
    this.parts.send(requests.map((request) => output(request, null, reason)));
  }

  private abortWhere(matches: (request: Waiting) => boolean): void {
    this.drop(matches, ABORTED_WAITING);
  }

  private drop(matches: (request: Waiting) => boolean, reason: FinishReason): void {
    const dropped = this.waiting.filter(matches);
    if (dropped.length === 0) return;
    this.waiting = this.waiting.filter((request) => !matches(request));
    this.refuse(dropped, reason);
  }
}

function done(request: Waiting, vector: Float32Array | null): VectorOutput {
  if (vector !== null) return output(request, vector, DONE);
  logger.error(`Request ${request.rid} met NaN: the weights are damaged, or the computation overflows.`);
  return output(request, null, abortedFor(500, NAN_HAPPENED));
}

function output({ rid, ids }: Waiting, vector: Float32Array | null, finish: FinishReason): VectorOutput {
  return { rid, vector, promptTokens: ids.length, finish };
}
