import type { EmbeddingModel } from '../../model-runner/load';
import type { ControlResult } from '../../ipc/messages';
import { NO_METRICS, type Recorder } from '../../metrics/recorder';
import type { ServerArgs } from '../../server-args/server-args';
import { readTimeouts } from '../generation/limits';
import { ExpertDuty } from '../experts/expert-duty';
import type { SchedulerOutlets } from '../loop';
import { openStatusLog } from '../status-log';
import { EmbeddingScheduler } from './embedding-scheduler';
import type { BatchLimits } from './next-batch';

/** Prompts of one run without `--max-running-requests`: a larger batch gains nothing on a CPU. */
const DEFAULT_PROMPTS = 64;

/** Padding for each token where it costs as much as a token, and where attention alone sees it. */
const MAX_PADDING = { computed: 0.25, skipped: 3 } as const;

/** What one run takes at most: as many tokens as a chunk of a prompt would have. */
export function batchLimits(
  args: Pick<ServerArgs, 'chunkedPrefillSize' | 'maxPrefillTokens' | 'maxRunningRequests'>,
  { computesPadding }: Pick<BatchLimits, 'computesPadding'>,
): BatchLimits {
  const { chunkedPrefillSize, maxPrefillTokens, maxRunningRequests } = args;
  return {
    tokens: chunkedPrefillSize > 0 ? Math.min(chunkedPrefillSize, maxPrefillTokens) : maxPrefillTokens,
    prompts: maxRunningRequests ?? DEFAULT_PROMPTS,
    padding: computesPadding ? MAX_PADDING.computed : MAX_PADDING.skipped,
    computesPadding,
  };
}

/** Puts a scheduler together around an embedding model. */
export function assembleEmbedding(
  args: ServerArgs,
  model: EmbeddingModel,
  { rank, tokenizerManager }: SchedulerOutlets,
  metrics: Recorder = NO_METRICS,
): EmbeddingScheduler {
  const limits = batchLimits(args, model.runner);
  const reply = (callId: number, result: ControlResult) =>
    tokenizerManager({ type: 'control_reply', callId, result });
  const scheduler: EmbeddingScheduler = new EmbeddingScheduler({
    embed: (texts) => model.runner.embed(texts),
    limits,
    maxQueued: args.maxQueuedRequests,
    waitingMs: readTimeouts().waitingMs,
    send: (outputs) => tokenizerManager({ type: 'vector_outputs', rank, outputs }),
    reply,
    experts: ExpertDuty.of(args, model, rank, metrics, reply),
    memoryUse: {
      get weightBytes() {
        return model.weights.bytes;
      },
      kvCacheBytes: 0,
      graphBytes: 0,
    },
    weights: model.weights,
    metrics,
    logTimes: args.enableRequestTimeStatsLogging,
    afterBatch: openStatusLog(rank, () => scheduler.rids),
  });
  return scheduler;
}
