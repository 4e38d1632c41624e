import type { GenerationModel } from '../../model-runner/load';
import type { ControlResult } from '../../ipc/messages';
import type { TokenTexts } from '../../core/thinking';
import type { ServerArgs } from '../../server-args/server-args';
import { openStatusLog } from '../status-log';
import { BatchLog } from './batch-log';
import { BatchRunner } from './batch-runner';
import { NO_METRICS, type Recorder } from '../../metrics/recorder';
import { ExpertDuty } from '../experts/expert-duty';
import { KvLedger } from '../kv/kv-ledger';
import type { SchedulerOutlets } from '../loop';
import { GenerationMetrics } from './generation-metrics';
import { OutputBatch } from './output-batch';
import type { Preparation } from './preparation';
import { RequestMemory } from './request-memory';
import { RowTable } from './row-table';
import { roundingOf, Speculator } from '../speculation/speculator';
import { Scheduler } from './scheduler';
import { seededRandom } from './seeded-random';

/** Where there is no tokenizer, nothing is known of thoughts, and nobody asks. */
const NO_TEXTS: TokenTexts = { textOf: () => '', overrunning: () => [] };

/**
 * Puts a scheduler together around a loaded model.
 * @param metrics told what happens
 * @param preparations what requests need before they can be computed
 * @param tokenTexts asked about the thoughts of models that think
 */
export function assembleScheduler(
  args: ServerArgs,
  model: GenerationModel,
  outlets: SchedulerOutlets,
  metrics: Recorder = NO_METRICS,
  preparations: readonly Preparation[] = [],
  tokenTexts: TokenTexts = NO_TEXTS,
): Scheduler {
  const { config, plan, runner: modelRunner } = model;
  const { rank } = outlets;
  const ledger = KvLedger.create({
    totalTokens: plan.maxTotalNumTokens,
    pageSize: args.pageSize,
    disableRadixCache: args.disableRadixCache,
    evictionPolicy: args.radixEvictionPolicy,
    metrics,
  });
  const rows = new RowTable(modelRunner.kv);
  const largestCaptured = (model.backend.captures ?? true) ? (args.cudaGraphBs.at(-1) ?? 0) : 0;
  const reply = (callId: number, result: ControlResult) =>
    outlets.tokenizerManager({ type: 'control_reply', callId, result });
  const experts = ExpertDuty.of(args, model, rank, metrics, reply);
  // A record of experts is one of the tokens there are, not of those that were only tried.
  const speculator = experts === null ? Speculator.of(args) : null;
  const { graphName } = model.backend;
  const log = new BatchLog(graphName, args.decodeLogInterval, largestCaptured, speculator?.meter ?? null);
  const scheduler: Scheduler = new Scheduler({
    args,
    vocabSize: config.vocabSize,
    maxReqLen: plan.maxReqLen,
    maxReqInputLen: plan.maxReqInputLen,
    rows,
    memory: new RequestMemory(ledger, modelRunner.kv, rows, metrics),
    ledger,
    runner: new BatchRunner(modelRunner, config.vocabSize, metrics, !args.disableJumpForward, undefined, () =>
      roundingOf(model.weights),
    ),
    outputs: new OutputBatch(
      (outputs) => outlets.detokenizer({ type: 'token_outputs', rank, outputs }),
      args.enableMetrics || args.enableTrace,
    ),
    speculator,
    log,
    metrics: new GenerationMetrics(metrics, largestCaptured),
    preparations,
    tokenTexts,
    // Of its own for each scheduler: the same prompt should not get the same answer from two of them.
    random: seededRandom(args.randomSeed + rank),
    reply,
    experts,
    memoryUse: {
      get weightBytes() {
        return model.weights.bytes;
      },
      kvCacheBytes: modelRunner.kv.bytes,
      graphBytes: model.graphBytes,
    },
    weights: model.weights,
    afterBatch: openStatusLog(rank, () => scheduler.rids),
  });
  return scheduler;
}
