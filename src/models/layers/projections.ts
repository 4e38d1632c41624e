import type { DecoderConfig } from '../config/decoder-config';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { notInBfloat16 } from './activation';
import { normWeight, rmsNorm } from './layers';
import type { BranchInput } from './residual-stream';

/** Queries, keys and values of all heads: separate, or side by side in one tensor. */
export type Projections =
  { readonly packed: Value } | { readonly q: Value; readonly k: Value; readonly v: Value };

/**
 * Queries, keys and values of one layer from its input: in one product where nothing stands between them and the attention
 * operator, which takes them side by side.
 * @param prefix of the attention's weights
 */
export function queriesKeysValues(
  g: GraphBuilder,
  config: DecoderConfig,
  { value: x, reads }: BranchInput,
  prefix: string,
): Projections {
  const { numHeads, numKvHeads, headDim } = config;
  const project = (...parts: [string, number][]): Value =>
    reads.apply(g, x, {
      inputs: config.hiddenSize,
      parts: parts.map(([name, heads]) => ({ name: `${prefix}.${name}_proj`, outputs: heads * headDim })),
      bias: config.qkvBias,
    });
  const clipped = (value: Value): Value => clip(g, value, config.qkvClip);
  if (config.fusedProjections) return { packed: clipped(project(['qkv', numHeads + 2 * numKvHeads])) };
  if (config.qkNorm === 'none') {
    return { packed: clipped(project(['q', numHeads], ['k', numKvHeads], ['v', numKvHeads])) };
  }
  const norm = config.qkNorm === 'head' ? headNorm : projectionNorm;
  return {
    q: clipped(norm(g, config, project(['q', numHeads]), `${prefix}.q_norm`, numHeads)),
    k: clipped(norm(g, config, project(['k', numKvHeads]), `${prefix}.k_norm`, numKvHeads)),
    v: clipped(project(['v', numKvHeads])),
  };
}

/** The three by themselves, whatever they came as. */
export function separated(
  g: GraphBuilder,
  { numHeads, numKvHeads, headDim }: DecoderConfig,
  projections: Projections,
): Exclude<Projections, { packed: Value }> {
  if (!('packed' in projections)) return projections;
  const sizes = g.ints('qkv.sizes', [numHeads * headDim, numKvHeads * headDim, numKvHeads * headDim]);
  const parts = g.nodes('Split', [projections.packed, sizes], { attributes: { axis: 1 }, outputs: 3 });
  const [q, k, v] = parts as [Value, Value, Value];
  return { q, k, v };
}

/** Norms each head by itself, all with the same weight. */
function headNorm(g: GraphBuilder, config: DecoderConfig, x: Value, name: string, heads: number): Value {
  const perHead = g.node('Reshape', [x, g.ints(`shape.heads.${heads}`, [-1, heads, config.headDim])]);
  const weight = normWeight(g, name, config.headDim, config.normOffset);
  const normed = rmsNorm(g, perHead, weight, config.rmsNormEps);
  return g.node('Reshape', [normed, g.ints(`shape.flat.${heads}`, [-1, heads * config.headDim])]);
}

/** Norms all heads together. */
function projectionNorm(g: GraphBuilder, config: DecoderConfig, x: Value, name: string, heads: number): Value {
  const weight = normWeight(g, name, heads * config.headDim, config.normOffset);
  return rmsNorm(g, x, weight, config.rmsNormEps);
}

/** x, kept within ±limit. */
function clip(g: GraphBuilder, x: Value, limit: number | null): Value {
  if (limit === null) return x;
  const bound = (sign: 1 | -1) => g.floats(`clip.${sign * limit}`, [], Float32Array.of(sign * limit));
  return notInBfloat16(g, [x, bound(-1), bound(1)], (inputs) => g.node('Clip', inputs));
}
