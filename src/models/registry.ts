import { StartupError } from '../core/errors';
import type { ModelConfig } from './config/model-config';
import type { GraphBuilder } from './graph/graph-builder';
import { buildLlama } from './families/llama';
import { buildQwen3 } from './families/qwen3';

/** Writes the graph of one model family. */
export type ModelBuilder = (g: GraphBuilder, config: ModelConfig, capacity: number) => void;

/** Model families by the name in config.json's `architectures`. */
const BUILDERS: Readonly<Record<string, ModelBuilder>> = {
  LlamaForCausalLM: buildLlama,
  MistralForCausalLM: buildLlama,
  Qwen2ForCausalLM: buildLlama,
  Qwen3ForCausalLM: buildQwen3,
};

/** @throws StartupError that lists what is supported */
export function modelBuilder(architecture: string): ModelBuilder {
  const builder = Object.hasOwn(BUILDERS, architecture) ? BUILDERS[architecture] : undefined;
  if (!builder) {
    const known = Object.keys(BUILDERS).join(', ');
    throw new StartupError(`config.json: architecture '${architecture}' is not supported (supported: ${known})`);
  }
  return builder;
}
