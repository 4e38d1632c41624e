import { PullQueue, PushQueue } from '../ipc/queues';
import type { DetokenizerMsg, TokenizerManagerMsg } from '../ipc/messages';
import type { ModelFacts } from '../core/model-facts';
import { createBackend } from '../model-runner/backends/create-backend';
import { ModelProfile } from '../model-runner/model-profile';
import type { GenerationModel } from '../model-runner/load';
import { loadModelRunner, type EmbeddingModel, type LoadedModel } from '../model-runner/load';
import { holdUp } from '../core/stuck';
import { SoftWatchdog } from '../child/soft-watchdog';
import { runChild, type StartedChild } from '../child/frame';
import type { ServerArgs } from '../server-args/server-args';
import type { ChildInit } from '../child/protocol';
import { assembleEmbedding, batchLimits } from './embedding/assemble';
import { answerInvalid } from './answer-invalid';
import { assembleScheduler } from './generation/assemble';
import { lazyTokenTexts } from '../constrained/token-texts';
import { openGrammars } from './generation/grammars';
import type { Loop, SchedulerOutlets } from './loop';
import { MetricsReporter } from '../metrics/reporter';
import { NO_METRICS } from '../metrics/recorder';
import { recordModel } from './model-gauges';
import { startWatchdog } from './watchdog';

/** Main file of the scheduler process. */

const HEARTBEAT_MS = 1000;

async function start(
  { args, endpoints, modelDir, tokenizerDir }: ChildInit,
  rank: number,
): Promise<StartedChild> {
  const { softWatchdogTimeout } = args;
  const loading = softWatchdogTimeout === null ? null : new SoftWatchdog('Scheduler', softWatchdogTimeout);
  holdUp('SGLANG_TEST_STUCK_SCHEDULER_INIT');
  const model = await loadModelRunner(args, modelDir, createBackend(args, rank));
  loading?.stop();

  const fail = (error: unknown) => {
    throw error;
  };
  const inbox = await PullQueue.bind('scheduler', endpoints.schedulers[rank] ?? '');
  const toDetokenizer = new PushQueue<DetokenizerMsg>(endpoints.detokenizer, fail);
  const toTokenizerManager = new PushQueue<TokenizerManagerMsg>(endpoints.tokenizerManager, fail);
  const outlets: SchedulerOutlets = {
    rank,
    detokenizer: (message) => toDetokenizer.put(message),
    tokenizerManager: (message) => toTokenizerManager.put(message),
  };
  const reporter = args.enableMetrics
    ? new MetricsReporter(args.dpSize > 1 ? `scheduler_DP${rank}` : 'scheduler', (samples) =>
        toTokenizerManager.put({ type: 'metrics', rank, samples }),
      )
    : null;
  const metrics = reporter ?? NO_METRICS;
  const grammars = openGrammars(args, model, tokenizerDir, metrics);
  const scheduler: Loop =
    model.kind === 'generation'
      ? assembleScheduler(args, model, outlets, metrics, grammars.preparations, lazyTokenTexts(tokenizerDir))
      : assembleEmbedding(args, model, outlets, metrics);
  recordModel(metrics, args, model, scheduler);
  reporter?.beforeReport((to) => scheduler.recordGauges(to));
  scheduler.onIdle = () => reporter?.reportNews();
  const stopWatchdog = startWatchdog(() => scheduler.state.busyMs, args.watchdogTimeout, softWatchdogTimeout);
  const heartbeat = setInterval(() => {
    toTokenizerManager.put({ type: 'heartbeat', rank, state: scheduler.state });
    reporter?.report();
    scheduler.nudge();
  }, HEARTBEAT_MS);

  const received = inbox.consume(
    (message) => scheduler.receive(message),
    (invalid) =>
      answerInvalid(
        invalid,
        scheduler.receive.bind(scheduler),
        toTokenizerManager.put.bind(toTokenizerManager),
      ),
  );
  return {
    report: { type: 'scheduler_ready', facts: facts(args, model) },
    done: Promise.race([scheduler.run(), received]),
    profile: new ModelProfile(model.weights),
    close: () => {
      clearInterval(heartbeat);
      stopWatchdog();
      inbox.close();
      scheduler.stop();
      grammars.close();
    },
  };
}

function facts(args: ServerArgs, model: LoadedModel): ModelFacts {
  const { config, contextLen } = model;
  return {
    kind: model.kind,
    architectures: config.architectures,
    modelType: config.modelType,
    vocabSize: config.vocabSize,
    contextLen,
    labels: model.kind === 'embedding' ? model.labels : null,
    vectors: model.kind === 'embedding' ? model.vectors : null,
    eosTokenIds: config.eosTokenIds,
    generationDefaults: config.generationDefaults,
    hasExperts: model.routers !== null,
    ...(model.kind === 'generation' ? generationLimits(model) : embeddingLimits(args, model)),
  };
}

function generationLimits({ plan }: GenerationModel) {
  const { maxTotalNumTokens, maxReqInputLen, maxRunningRequests } = plan;
  return { maxTotalNumTokens, maxReqInputLen, maxRunningRequests };
}

function embeddingLimits(args: ServerArgs, { contextLen, runner }: EmbeddingModel) {
  const { tokens, prompts } = batchLimits(args, runner);
  return { maxTotalNumTokens: tokens, maxRunningRequests: prompts, maxReqInputLen: contextLen };
}

runChild('scheduler', start);
