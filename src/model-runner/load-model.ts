import { StartupError } from '../core/errors';
import type { ModelConfig } from '../models/config/model-config';
import { GraphBuilder } from '../models/graph/graph-builder';
import { modelBuilder, type GraphOptions } from '../models/registry';
import { OrtError } from '../onnxruntime/library';
import type { Session } from '../onnxruntime/session';
import type { Backend } from './backends/backend';
import type { WeightSource } from '../checkpoint/checkpoint';

/**
 * Builds the model's graph and loads it. The weights' files must stay in place until it resolves.
 * @throws StartupError, one line that names the file and what is wrong
 */
export async function loadModel(
  config: ModelConfig,
  weights: WeightSource,
  options: GraphOptions,
  backend: Backend,
): Promise<Session> {
  const graph = new GraphBuilder(weights);
  modelBuilder(config.architecture)(graph, config, options);
  try {
    return await backend.createSession(graph.build(), graph.externalDataFolder);
  } catch (error) {
    if (!(error instanceof OrtError)) throw error;
    throw new StartupError(`${weights.files.join(', ')}: ${error.message.split('\n')[0]}`);
  }
}
