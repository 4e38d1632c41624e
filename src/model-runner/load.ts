import { bug, StartupError } from '../core/errors';
import type { Labels } from '../core/model-facts';
import { logger } from '../logging/logger';
import { Progress } from '../logging/progress';
import { gigabytes, secondsSince } from '../logging/units';
import type { ServerArgs } from '../server-args/server-args';
import { dummyWeights, openCheckpoint } from '../checkpoint/checkpoint';
import { deriveContextLen } from '../models/config/context-length';
import type { ModelConfig } from '../models/config/model-config';
import { readSentenceModules, type SentenceModules } from '../models/config/sentence-modules';
import type { GraphOptions, Model } from '../models/model';
import { readModel } from '../models/registry';
import type { Session } from '../onnxruntime/session';
import type { Backend } from './backends/backend';
import { EmbeddingRunner } from './embedding-runner';
import { prepareGeneration, type Generation } from './load-generation';
import { loadModel } from './load-model';

/** What every loaded model has. */
export interface ModelParts {
  readonly config: ModelConfig;
  readonly contextLen: number;
  readonly backend: Backend;
  readonly session: Session;
  /** Bytes the process grew by while loading weights. */
  readonly weightBytes: number;
  /** Time that loading them took. */
  readonly weightSeconds: number;
}

export interface GenerationModel extends ModelParts, Generation {
  readonly kind: 'generation';
}

export interface EmbeddingModel extends ModelParts {
  readonly kind: 'embedding';
  /** What its scores are for; null where it gives vectors. */
  readonly labels: Labels | null;
  readonly runner: EmbeddingRunner;
}

/** A model that is ready to serve. */
export type LoadedModel = GenerationModel | EmbeddingModel;

/**
 * Loads the checkpoint in `modelDir` for what it is to be served for. Takes seconds; computes on worker threads.
 * @throws StartupError
 */
export async function loadModelRunner(
  args: ServerArgs,
  modelDir: string,
  backend: Backend,
): Promise<LoadedModel> {
  const model = readModel(
    modelDir,
    args.jsonModelOverrideArgs,
    args.isEmbedding ? 'embedding' : 'generation',
  );
  const { config, purpose: kind } = model;
  const sentences = kind === 'embedding' ? readVectors(modelDir, model) : null;
  const contextLen = contextLenOf(args, model, sentences);
  if (args.device === 'cpu' && (args.dtype === 'half' || args.dtype.endsWith('float16'))) {
    logger.log('warning', `--dtype ${args.dtype}: the CPU computes in float32`);
  }
  const options = { capacity: contextLen, tail: kind === 'generation' ? 'logits' : 'hidden' } as const;
  const weights = await loadWeights(args, modelDir, model, options, backend);
  const parts: ModelParts = { config, contextLen, backend, ...weights };
  switch (kind) {
    case 'generation':
      return { kind, ...parts, ...(await prepareGeneration(args, parts)) };
    case 'embedding': {
      if (sentences === null) throw bug('a model of vectors without pooling');
      const runner = new EmbeddingRunner(parts.session, model, backend, sentences);
      const what = model.head === null ? 'vectors of' : 'scores,';
      logger.info(`Serving ${what} ${sentences.width} values, context_len=${contextLen}`);
      return { kind, ...parts, labels: model.head?.labels ?? null, runner };
    }
  }
}

/** How vectors come of hidden states; scores are those of one token as they are. */
function readVectors(modelDir: string, { config, pooling = 'lasttoken', head }: Model): SentenceModules {
  if (head === null) return readSentenceModules(modelDir, config, pooling);
  return { modes: [pooling], steps: [], width: head.labels.names.length, maxLength: null };
}

/** A checkpoint of sentence vectors may state a length below the model's; --context-length may go beyond that one. */
function contextLenOf(
  args: ServerArgs,
  { config, pooling }: Model,
  sentences: SentenceModules | null,
): number {
  const own = Math.min(sentences?.maxLength ?? Infinity, config.contextLen);
  const contextLen = deriveContextLen(config, args.contextLength ?? own);
  if (pooling !== undefined && contextLen > config.contextLen) {
    throw new StartupError(`${config.architecture} has no positions beyond ${config.contextLen} tokens`);
  }
  return contextLen;
}

async function loadWeights(
  args: ServerArgs,
  modelDir: string,
  model: Model,
  options: Pick<GraphOptions, 'capacity' | 'tail'>,
  backend: Backend,
): Promise<Pick<ModelParts, 'session' | 'weightBytes' | 'weightSeconds'>> {
  logger.info(`Load weight begin. avail mem=${gigabytes(backend.memory.freeBytes())} GB`);
  const startedAt = performance.now();
  const before = process.memoryUsage.rss();
  const weights = args.loadFormat === 'dummy' ? dummyWeights() : openCheckpoint(modelDir);
  const progress = new Progress('Loading safetensors checkpoint shards', weights.files.length);
  try {
    const session = await loadModel(model, weights, options, backend);
    for (let shard = 0; shard < weights.files.length; shard++) progress.step();
    const weightBytes = Math.max(0, process.memoryUsage.rss() - before);
    logger.info(
      `Load weight end. elapsed=${secondsSince(startedAt)} s, type=${model.config.architecture}, dtype=${backend.elementType}, ` +
        `avail mem=${gigabytes(backend.memory.freeBytes())} GB, mem usage=${gigabytes(weightBytes)} GB.`,
    );
    return { session, weightBytes, weightSeconds: (performance.now() - startedAt) / 1000 };
  } finally {
    progress.stop();
    weights.close();
  }
}
