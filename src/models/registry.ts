import { StartupError } from '../core/errors';
import type { ModelConfig } from './config/model-config';
import type { GraphBuilder } from './graph/graph-builder';
import { buildLlama } from './families/llama';
import { buildQwen3 } from './families/qwen3';

/** What a graph is built for. */
export interface GraphOptions {
  /** Tokens of prompt and output together. */
  readonly capacity: number;
  /** What comes out for the tokens asked for: logits, or the hidden state before the vocabulary projection. */
  readonly tail: 'logits' | 'hidden';
}

/** Writes the graph of one model family. */
export type ModelBuilder = (g: GraphBuilder, config: ModelConfig, options: GraphOptions) => void;

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
