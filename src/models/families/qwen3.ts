import type { ModelConfig } from '../config/model-config';
import type { GraphOptions } from '../registry';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { linear, rmsNorm } from '../layers/layers';
import { buildLlama, type QkvBuilder } from './llama';

/** Qwen3: the Llama decoder with an RMS norm over each head of the queries and keys, before they are rotated. */
export function buildQwen3(g: GraphBuilder, config: ModelConfig, options: GraphOptions): void {
  buildLlama(g, config, options, normedQkv);
}

const normedQkv: QkvBuilder = (g, config, x, prefix) => {
  const project = (name: string, heads: number): Value =>
    linear(
      g,
      x,
      config.hiddenSize,
      { name: `${prefix}.${name}_proj`, outputs: heads * config.headDim },
      config.qkvBias,
    );
  return {
    q: headNorm(g, config, project('q', config.numHeads), `${prefix}.q_norm`, config.numHeads),
    k: headNorm(g, config, project('k', config.numKvHeads), `${prefix}.k_norm`, config.numKvHeads),
    v: project('v', config.numKvHeads),
  };
};

function headNorm(g: GraphBuilder, config: ModelConfig, x: Value, name: string, heads: number): Value {
  const perHead = g.node('Reshape', [x, g.ints(`shape.heads.${heads}`, [-1, heads, config.headDim])]);
  const normed = rmsNorm(g, perHead, g.weight(`${name}.weight`, [config.headDim]), config.rmsNormEps);
  return g.node('Reshape', [normed, g.ints(`shape.flat.${heads}`, [-1, heads * config.headDim])]);
}
