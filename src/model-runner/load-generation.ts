import { logger } from '../logging/logger';
import { Progress } from '../logging/progress';
import { gigabytes, secondsSince } from '../logging/units';
import type { ServerArgs } from '../server-args/server-args';
import { bytesPerToken } from './kv-store';
import type { Backend } from './backends/backend';
import type { ModelParts } from './load';
import { planMemory, type MemoryPlan } from './memory-plan';
import { ModelRunner } from './model-runner';

/** What a generation model has beside its parts. */
export interface Generation {
  readonly plan: MemoryPlan;
  readonly runner: ModelRunner;
  /** Bytes the process grew by while capturing batch sizes. */
  readonly graphBytes: number;
}

/**
 * Reserves KV memory and captures the batch sizes of `args.cudaGraphBs`, with the log lines of SGLang's start-up.
 * @throws StartupError when not even one short request fits
 */
export async function prepareGeneration(
  args: ServerArgs,
  { config, contextLen, backend, weights }: ModelParts,
): Promise<Generation> {
  const plan = planMemory(config, contextLen, args, backend.memory);
  const kv = backend.createKvStore(config, plan.maxRunningRequests, plan.maxReqLen, plan.maxTotalNumTokens);
  const kvType = backend.kvType ?? backend.elementType;
  const halfSize = gigabytes((plan.maxTotalNumTokens * bytesPerToken(config, kvType)) / 2);
  logger.info(`Using KV cache dtype: ${kvType}`);
  logger.info(
    `KV Cache is allocated. #tokens: ${plan.maxTotalNumTokens}, ` +
      `K size: ${halfSize} GB, V size: ${halfSize} GB`,
  );
  logger.info(`Memory pool end. avail mem=${gigabytes(backend.memory.freeBytes())} GB`);

  const runner = new ModelRunner(weights.session, config, backend, kv, !args.disableCudaGraphPadding);
  const captures = !args.disableCudaGraph && backend.captures !== false;
  const graphBytes = captures ? await capture(runner, captureSizes(args, plan), backend) : 0;
  logger.info(
    `max_total_num_tokens=${plan.maxTotalNumTokens}, chunked_prefill_size=${args.chunkedPrefillSize}, ` +
      `max_prefill_tokens=${args.maxPrefillTokens}, max_running_requests=${plan.maxRunningRequests}, ` +
      `context_len=${contextLen}, available_${args.device}_mem=${gigabytes(backend.memory.freeBytes())} GB`,
  );
  return { plan, runner, graphBytes };
}

/** Bytes taken by now, where the model runs. */
export function usedBytes({ memory }: Backend): number {
  return memory.usedBytes?.() ?? process.memoryUsage.rss();
}

/** Batch sizes to capture: those asked for, as far as that many requests can run. */
function captureSizes(args: ServerArgs, plan: MemoryPlan): number[] {
  const fitting = args.cudaGraphBs.filter((size) => size <= plan.maxRunningRequests);
  return fitting.length < args.cudaGraphBs.length
    ? [...new Set([...fitting, plan.maxRunningRequests])]
    : fitting;
}

/** Binds and runs each size once, the largest first, so that its memory serves the smaller ones. */
async function capture(runner: ModelRunner, sizes: readonly number[], backend: Backend): Promise<number> {
  const startedAt = performance.now();
  const before = usedBytes(backend);
  logger.info(`Capture ${backend.graphName} begin. avail mem=${gigabytes(backend.memory.freeBytes())} GB`);
  logger.info(`Capture ${backend.graphName} bs [${sizes.join(', ')}]`);
  const progress = new Progress('Capturing batches', sizes.length);
  for (const size of [...sizes].sort((a, b) => b - a)) {
    await runner.capture(size).catch((error: unknown) => {
      throw backend.captureFailure?.(error) ?? error;
    });
    progress.step();
  }
  progress.stop();
  const bytes = Math.max(0, usedBytes(backend) - before);
  logger.info(
    `Capture ${backend.graphName} end. Time elapsed: ${secondsSince(startedAt)} s. ` +
      `mem usage=${gigabytes(bytes)} GB. avail mem=${gigabytes(backend.memory.freeBytes())} GB.`,
  );
  return bytes;
}
