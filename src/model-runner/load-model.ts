import { StartupError } from '../core/errors';
import { GraphBuilder } from '../models/graph/graph-builder';
import type { GraphOptions, Model } from '../models/model';
import { OrtError } from '../onnxruntime/library';
import type { Session } from '../onnxruntime/session';
import type { Backend } from './backends/backend';
import type { WeightSource } from '../checkpoint/checkpoint';

/**
 * Builds the model's graph and loads it. The weights' files must stay in place until it resolves.
 * @throws StartupError, one line that names the file and what is wrong
 */
export async function loadModel(
  model: Model,
  weights: WeightSource,
  options: Omit<GraphOptions, 'linear' | 'head'>,
  backend: Backend,
): Promise<Session> {
  const graph = new GraphBuilder(weights);
  model.build(graph, { ...options, linear: model.linear, head: model.head });
  try {
    return await backend.createSession(graph.build(), graph.externalDataFolder);
  } catch (error) {
    if (!(error instanceof OrtError)) throw error;
    throw new StartupError(`${weights.files.join(', ')}: ${error.message.split('\n')[0]}`);
  }
}
