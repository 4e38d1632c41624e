import { StartupError } from '../core/errors';
import { QuantizationPlan } from '../checkpoint/quantization/quantization-plan';
import { QuantizedWeights } from '../checkpoint/quantization/quantized-weights';
import { GraphBuilder, type QuantizedSource } from '../models/graph/graph-builder';
import type { GraphOptions, Model } from '../models/model';
import { OrtError } from '../onnxruntime/library';
import type { Session } from '../onnxruntime/session';
import type { Backend } from './backends/backend';
import type { WeightSource } from '../checkpoint/checkpoint';

/**
 * Builds the model's graph and loads it. The weights' files must stay in place until it resolves.
 * @param cacheDir where weights that have to be quantized are kept; null keeps none
 * @throws StartupError, one line that names the file and what is wrong
 */
export async function loadModel(
  model: Model,
  weights: WeightSource,
  options: Omit<GraphOptions, 'linear' | 'head' | 'kvType'>,
  backend: Backend,
  cacheDir: string | null = null,
): Promise<Session> {
  const graphOf = (source: QuantizedSource): GraphBuilder => {
    const graph = new GraphBuilder(weights, source, backend.elementType, {
      ownOperators: backend.operators != null,
      ownProducts: backend.ownProducts === true,
      pages: backend.hasPages === true,
      floatInputs: backend.floatInputs === true,
      groupsBothWays: backend.groupsBothWays ?? true,
      topSearch: backend.topSearch ?? null,
      tablesAreWeights: backend.tablesAreWeights === true,
    });
    const kvType = backend.kvType ?? backend.elementType;
    model.build(graph, { ...options, kvType, linear: model.linear, head: model.head });
    return graph;
  };
  const plan = new QuantizationPlan();
  const planned = graphOf(plan);
  if (plan.weights.length === 0) return createSession(planned, weights, backend);
  const quantized = await QuantizedWeights.of(plan.weights, { cacheDir, threads: backend.threads });
  try {
    return await createSession(graphOf(quantized), weights, backend);
  } finally {
    quantized.close();
  }
}

async function createSession(graph: GraphBuilder, weights: WeightSource, backend: Backend): Promise<Session> {
  try {
    return await backend.createSession(graph.build(), graph.externalDataFolder, graph.traits);
  } catch (error) {
    if (!(error instanceof OrtError)) throw error;
    throw new StartupError(`${weights.files.join(', ')}: ${error.message.split('\n')[0]}`);
  }
}
