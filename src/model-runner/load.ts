import { bug, StartupError } from '../core/errors';
import type { Labels, VectorFacts } from '../core/model-facts';
import { logger } from '../logging/logger';
import { gigabytes, secondsSince } from '../logging/units';
import type { ServerArgs } from '../server-args/server-args';
import { deriveContextLen } from '../models/config/context-length';
import type { Routers } from '../models/config/experts';
import type { ModelConfig } from '../models/config/model-config';
import { readSentenceModules, type SentenceModules } from '../models/config/sentence-modules';
import { readSentencePrompts } from '../models/config/vector-facts';
import type { Model } from '../models/model';
import { readModel } from '../models/registry';
import type { Backend } from './backends/backend';
import { EmbeddingRunner } from './embedding-runner';
import { prepareGeneration, usedBytes, type Generation } from './load-generation';
import { loadWeights, type GraphPurpose, type LoadedWeights } from './weights/load-weights';
import { ModelWeights } from './weights/model-weights';
import { openWeights, type WeightsPlace } from './weights/weights-place';

/** What every loaded model has. */
export interface ModelParts {
  readonly config: ModelConfig;
  readonly contextLen: number;
  readonly backend: Backend;
  readonly weights: ModelWeights;
  /** null where no layer has experts. */
  readonly routers: Routers | null;
}

export interface GenerationModel extends ModelParts, Generation {
  readonly kind: 'generation';
}

export interface EmbeddingModel extends ModelParts {
  readonly kind: 'embedding';
  /** What its scores are for; null where it gives vectors. */
  readonly labels: Labels | null;
  /** What is known of its vectors; null where it gives scores. */
  readonly vectors: VectorFacts | null;
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
  const quantization = args.quantization ?? (args.torchaoConfig || null);
  const model = readModel(
    modelDir,
    args.jsonModelOverrideArgs,
    args.isEmbedding ? 'embedding' : 'generation',
    quantization,
  );
  const { config, purpose: kind } = model;
  const sentences = kind === 'embedding' ? readVectors(modelDir, model) : null;
  const contextLen = contextLenOf(args, model, sentences);
  if (args.device === 'cpu' && (args.dtype === 'half' || args.dtype.endsWith('float16'))) {
    logger.log('warning', `--dtype ${args.dtype}: the CPU computes in float32`);
  }
  await backend.prepareFor?.(model, args.dtype);
  const routers = model.routers ?? null;
  const routing = args.expertDistributionRecorderMode !== null;
  if (routing && routers === null) {
    logger.log(
      'warning',
      `${config.architecture} has no experts: --expert-distribution-recorder-mode has no effect.`,
    );
  }
  const options = {
    capacity: contextLen,
    tail: kind === 'generation' ? 'logits' : 'hidden',
    routing,
  } as const;
  const place = { modelDir, loadFormat: args.loadFormat };
  const { loaded, bytes, seconds } = await loadFirst(place, model, options, backend);
  const served = { model, purpose: options, backend, overrides: args.jsonModelOverrideArgs, quantization };
  const weights = new ModelWeights(served, loaded, sentences, bytes, seconds);
  const parts: ModelParts = { config, contextLen, backend, routers, weights };
  switch (kind) {
    case 'generation': {
      const generation = await prepareGeneration(args, parts);
      const { runner } = generation;
      weights.usedBy((serving) => (serving === null ? runner.unbind() : runner.use(serving.session)));
      return { kind, ...parts, ...generation };
    }
    case 'embedding': {
      if (sentences === null) throw bug('a model of vectors without pooling');
      const runner = new EmbeddingRunner(weights.session, model, backend, sentences);
      weights.usedBy((serving) => {
        if (serving !== null) runner.use(serving.session, serving.sentences ?? sentences);
      });
      const what = model.head === null ? 'vectors of' : 'scores,';
      logger.info(`Serving ${what} ${sentences.width} values, context_len=${contextLen}`);
      const vectors = vectorFacts(modelDir, model, sentences);
      return { kind, ...parts, labels: model.head?.labels ?? null, vectors, runner };
    }
  }
}

/** How vectors come of hidden states; scores are those of one token as they are. */
function readVectors(modelDir: string, { config, pooling = 'lasttoken', head }: Model): SentenceModules {
  if (head === null) return readSentenceModules(modelDir, config, pooling);
  return {
    modes: [pooling],
    steps: [],
    width: head.labels.names.length,
    includesPrompt: true,
    maxLength: null,
  };
}

/** What is known of its vectors; null for a model of scores. */
function vectorFacts(
  modelDir: string,
  { head, matryoshka }: Model,
  { width, steps, includesPrompt }: SentenceModules,
): VectorFacts | null {
  if (head !== null) return null;
  const { prompts, defaultPrompt } = readSentencePrompts(modelDir);
  const isNormalized = steps.at(-1) === 'normalize';
  if (includesPrompt || Object.keys(prompts).length === 0) {
    return { width, isNormalized, matryoshka, prompts, defaultPrompt };
  }
  logger.log(
    'warning',
    'The prompts of this model are left out: its vectors come of the tokens behind them.',
  );
  return { width, isNormalized, matryoshka, prompts: {}, defaultPrompt: null };
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

/** Loads the weights that the model starts with, with the log lines of SGLang's start-up. */
async function loadFirst(
  place: WeightsPlace,
  model: Model,
  purpose: GraphPurpose,
  backend: Backend,
): Promise<{ loaded: LoadedWeights; bytes: number; seconds: number }> {
  logger.info(`Load weight begin. avail mem=${gigabytes(backend.memory.freeBytes())} GB`);
  const startedAt = performance.now();
  const before = usedBytes(backend);
  const open = openWeights(place);
  const loaded = await loadWeights(open, model, purpose, backend, false).finally(() => open.source.close());
  const bytes = Math.max(0, usedBytes(backend) - before);
  logger.info(
    `Load weight end. elapsed=${secondsSince(startedAt)} s, type=${model.config.architecture}, dtype=${backend.elementType}, ` +
      `avail mem=${gigabytes(backend.memory.freeBytes())} GB, mem usage=${gigabytes(bytes)} GB.`,
  );
  return { loaded, bytes, seconds: (performance.now() - startedAt) / 1000 };
}
