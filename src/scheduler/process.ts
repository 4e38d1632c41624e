import { PullQueue, PushQueue } from '../ipc/queues';
import type { DetokenizerMsg, TokenizerManagerMsg } from '../ipc/messages';
import { loadModelRunner, type LoadedModel } from '../model-runner/load';
import { runChild, type StartedChild } from '../child/frame';
import type { ChildInit } from '../child/protocol';
import { answerInvalid } from './answer-invalid';
import { assembleScheduler } from './generation/assemble';
import { startWatchdog } from './watchdog';

/** Main file of the scheduler process. */

const HEARTBEAT_MS = 1000;

async function start({ args, endpoints, modelDir }: ChildInit): Promise<StartedChild> {
  const model = await loadModelRunner(args, modelDir);

  const fail = (error: unknown) => {
    throw error;
  };
  const inbox = await PullQueue.bind('scheduler', endpoints.scheduler);
  const toDetokenizer = new PushQueue<DetokenizerMsg>(endpoints.detokenizer, fail);
  const toTokenizerManager = new PushQueue<TokenizerManagerMsg>(endpoints.tokenizerManager, fail);
  const scheduler = assembleScheduler(args, model, {
    detokenizer: (message) => toDetokenizer.put(message),
    tokenizerManager: (message) => toTokenizerManager.put(message),
  });
  const stopWatchdog = startWatchdog(
    () => scheduler.state.busyMs,
    args.watchdogTimeout,
    args.softWatchdogTimeout,
  );
  const heartbeat = setInterval(() => {
    toTokenizerManager.put({ type: 'heartbeat', state: scheduler.state });
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
    report: { type: 'scheduler_ready', facts: facts(model) },
    done: Promise.race([scheduler.run(), received]),
    close: () => {
      clearInterval(heartbeat);
      stopWatchdog();
      inbox.close();
      scheduler.stop();
    },
  };
}

function facts({ config, contextLen, plan }: LoadedModel) {
  return {
    architectures: config.architectures,
    modelType: config.modelType,
    vocabSize: config.vocabSize,
    contextLen,
    eosTokenIds: config.eosTokenIds,
    maxTotalNumTokens: plan.maxTotalNumTokens,
    maxReqInputLen: plan.maxReqInputLen,
    maxRunningRequests: plan.maxRunningRequests,
  };
}

runChild('scheduler', start);
