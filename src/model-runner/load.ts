import { logger } from '../logging/logger';
import { Progress } from '../logging/progress';
import type { ServerArgs } from '../server-args/server-args';
import { deriveContextLen } from '../models/config/context-length';
import { loadModelConfig, type ModelConfig } from '../models/config/model-config';
import type { Backend } from './backends/backend';
import { createBackend } from './backends/create-backend';
import { ELEMENT_BYTES } from '../onnxruntime/element-type';
import { bytesPerToken } from './kv-store';
import { loadModel } from './load-model';
import { planMemory, type MemoryPlan } from './memory-plan';
import { ModelRunner } from './model-runner';
import { dummyWeights, openCheckpoint } from '../checkpoint/checkpoint';

/** A model that is ready to serve. */
export interface LoadedModel {
  readonly config: ModelConfig;
  readonly contextLen: number;
  readonly plan: MemoryPlan;
  readonly backend: Backend;
  readonly runner: ModelRunner;
  /** Bytes the process grew by while loading weights and while capturing batch sizes. */
  readonly weightBytes: number;
  readonly graphBytes: number;
}

/**
 * Loads the checkpoint in `modelDir`, reserves KV memory and captures the batch sizes of `args.cudaGraphBs`, with the log
 * lines of SGLang's start-up. Takes seconds; computes on worker threads.
 * @throws StartupError
 */
export async function loadModelRunner(
  args: ServerArgs,
  modelDir: string,
  backend = createBackend(args.device, args.baseGpuId),
): Promise<LoadedModel> {
  const config = loadModelConfig(modelDir, args.jsonModelOverrideArgs);
  const contextLen = deriveContextLen(config, args.contextLength);
  if (args.device === 'cpu' && (args.dtype === 'half' || args.dtype.endsWith('float16'))) {
    logger.log('warning', `--dtype ${args.dtype}: the CPU computes in float32`);
  }

  const { session, weightBytes } = await loadWeights(args, config, modelDir, contextLen, backend);

  const plan = planMemory(config, contextLen, args, backend.memory);
  const kv = backend.createKvStore(config, plan.maxRunningRequests, plan.maxReqLen, plan.maxTotalNumTokens);
  const halfSize = gigabytes(
    (plan.maxTotalNumTokens * bytesPerToken(config, ELEMENT_BYTES[backend.elementType])) / 2,
  );
  logger.info(`Using KV cache dtype: ${backend.elementType}`);
  logger.info(
    `KV Cache is allocated. #tokens: ${plan.maxTotalNumTokens}, ` +
      `K size: ${halfSize} GB, V size: ${halfSize} GB`,
  );
  logger.info(`Memory pool end. avail mem=${availableGb()} GB`);

  const runner = new ModelRunner(session, config, backend, kv);
  const graphBytes = args.disableCudaGraph
    ? 0
    : await capture(runner, captureSizes(args, plan), backend.graphName);
  logger.info(
    `max_total_num_tokens=${plan.maxTotalNumTokens}, chunked_prefill_size=${args.chunkedPrefillSize}, ` +
      `max_prefill_tokens=${args.maxPrefillTokens}, max_running_requests=${plan.maxRunningRequests}, ` +
      `context_len=${contextLen}, available_${args.device}_mem=${availableGb()} GB`,
  );
  return { config, contextLen, plan, backend, runner, weightBytes, graphBytes };
}

async function loadWeights(
  args: ServerArgs,
  config: ModelConfig,
  modelDir: string,
  contextLen: number,
  backend: Backend,
) {
  logger.info(`Load weight begin. avail mem=${availableGb()} GB`);
  const startedAt = performance.now();
  const before = process.memoryUsage.rss();
  const weights = args.loadFormat === 'dummy' ? dummyWeights() : openCheckpoint(modelDir);
  const progress = new Progress('Loading safetensors checkpoint shards', weights.files.length);
  try {
    const session = await loadModel(config, weights, contextLen, backend);
    for (let shard = 0; shard < weights.files.length; shard++) progress.step();
    const weightBytes = Math.max(0, process.memoryUsage.rss() - before);
    logger.info(
      `Load weight end. elapsed=${seconds(startedAt)} s, type=${config.architecture}, dtype=${backend.elementType}, ` +
        `avail mem=${availableGb()} GB, mem usage=${gigabytes(weightBytes)} GB.`,
    );
    return { session, weightBytes };
  } finally {
    progress.stop();
    weights.close();
  }
}

/** Batch sizes to capture: those asked for, as far as that many requests can run. */
function captureSizes(args: ServerArgs, plan: MemoryPlan): number[] {
  const fitting = args.cudaGraphBs.filter((size) => size <= plan.maxRunningRequests);
  return fitting.length < args.cudaGraphBs.length
    ? [...new Set([...fitting, plan.maxRunningRequests])]
    : fitting;
}

/** Binds and runs each size once, the largest first, so that its memory serves the smaller ones. */
async function capture(runner: ModelRunner, sizes: readonly number[], graphName: string): Promise<number> {
  const startedAt = performance.now();
  const before = process.memoryUsage.rss();
  logger.info(
    `Capture ${graphName} begin. This can take up to several minutes. avail mem=${availableGb()} GB`,
  );
  logger.info(`Capture ${graphName} bs [${sizes.join(', ')}]`);
  const progress = new Progress('Capturing batches', sizes.length);
  for (const size of [...sizes].sort((a, b) => b - a)) {
    await runner.capture(size);
    progress.step();
  }
  progress.stop();
  const bytes = Math.max(0, process.memoryUsage.rss() - before);
  logger.info(
    `Capture ${graphName} end. Time elapsed: ${seconds(startedAt)} s. ` +
      `mem usage=${gigabytes(bytes)} GB. avail mem=${availableGb()} GB.`,
  );
  return bytes;
}

const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(2);
const gigabytes = (bytes: number) => (bytes / 2 ** 30).toFixed(2);
const availableGb = () => gigabytes(process.availableMemory());
