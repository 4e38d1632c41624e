import type { DecoderConfig } from '../config/decoder-config';
import type { Attribute, GraphBuilder, Value } from '../graph/graph-builder';
import type { RotaryInputs } from './rotary-inputs';

/** What ONNX Runtime's own attention operators for decoders have in common: GroupQueryAttention and PagedAttention. */

/** They rotate by themselves only whole 16-element vectors of heads that are made of such. */
const FUSED_ROTARY_MULTIPLE = 16;

/** Whether they can rotate in every layer; if not, the graph needs the input `position_ids`. */
export function fusesRotary({ headDim, ropes }: DecoderConfig): boolean {
  const sizes = [headDim, ...ropes.map((rope) => rope?.dims ?? 0)];
  return sizes.every((size) => size % FUSED_ROTARY_MULTIPLE === 0);
}

/**
 * Rotates where they cannot.
 * @param x queries or keys of so many heads, [batch, sequence, width]
 * @param positionIds [batch, sequence] int64
 */
export function rotate(
  g: GraphBuilder,
  { headDim }: DecoderConfig,
  x: Value,
  heads: number,
  { cos, sin, dims }: RotaryInputs,
  positionIds: Value,
): Value {
  return g.node('RotaryEmbedding', [x, positionIds, cos, sin], {
    domain: 'com.microsoft',
    attributes: {
      interleaved: 0,
      num_heads: heads,
      ...(dims === headDim ? {} : { rotary_embedding_dim: dims }),
    },
  });
}

/**
 * The attributes of a layer's node.
 * @param fused whether it rotates
 */
export function attentionAttributes(
  config: DecoderConfig,
  layer: number,
  fused: boolean,
): Readonly<Record<string, Attribute>> {
  const window = config.slidingWindows[layer] ?? null;
  return {
    num_heads: config.numHeads,
    kv_num_heads: config.numKvHeads,
    do_rotary: fused ? 1 : 0,
    // Counts the token that looks, as `slidingWindows` does.
    ...(window === null ? {} : { local_window_size: window }),
    ...(config.attentionScale === null ? {} : { scale: { float: config.attentionScale } }),
    ...(config.attentionSoftcap === null ? {} : { softcap: { float: config.attentionSoftcap } }),
  };
}
