import type { ModelConfig } from '../config/model-config';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { rotaryTables } from './rotary';

/** GroupQueryAttention rotates by itself only heads of whole 16-element vectors. */
const FUSED_ROTARY_MULTIPLE = 16;

/** Whether the graph needs the input `position_ids`, [batch, sequence] int64. */
export function needsPositionIds(config: ModelConfig): boolean {
  return config.headDim % FUSED_ROTARY_MULTIPLE !== 0;
}

/** Queries, keys and values of all heads: separate, or side by side in one tensor. */
export type Projections =
  { readonly packed: Value } | { readonly q: Value; readonly k: Value; readonly v: Value };

/**
 * Attention over KV rows that belong to the caller. For each layer the graph takes `past_k.<layer>` and `past_v.<layer>`
 * of shape [batch, kv_heads, capacity, head_dim] and returns `present_…`; both are bound to one buffer, so new tokens are
 * appended in place. Each row's length is its own: `seqlens_k[row]` is its token count after this step, less one.
 *
 * Values outside attention are flat, [batch · sequence, width]; this class does the reshaping.
 */
export class Attention {
  private readonly seqlens: Value;
  private readonly totalLen: Value;
  private readonly grouped: Value;
  private readonly flat: Value;
  private readonly cos: Value;
  private readonly sin: Value;
  private readonly positionIds: Value | null;

  /**
   * @param inputIds [batch, sequence]
   * @param capacity tokens a row can hold; bounds the rotary tables
   * @param cached whether keys and values outlive the run; without them the graph has no past and no present
   */
  constructor(
    private readonly g: GraphBuilder,
    private readonly config: ModelConfig,
    inputIds: Value,
    capacity: number,
    private readonly cached: boolean,
  ) {
    this.seqlens = g.input('seqlens_k', 'int32', ['batch']);
    this.totalLen = g.input('total_len', 'int32', []);
    this.positionIds = needsPositionIds(config)
      ? g.input('position_ids', 'int64', ['batch', 'sequence'])
      : null;
    const tables = rotaryTables(config, capacity);
    this.cos = g.floats('rotary.cos', [tables.positions, tables.half], tables.cos);
    this.sin = g.floats('rotary.sin', [tables.positions, tables.half], tables.sin);
    const batchAndSequence = g.node('Shape', [inputIds]);
    this.grouped = g.node('Concat', [batchAndSequence, g.ints('rest', [-1])], { attributes: { axis: 0 } });
    this.flat = g.ints('shape.attention', [-1, config.numHeads * config.headDim]);
  }

  /**
   * @param projections [tokens, width] each
   * @returns [tokens, heads · head_dim]
   */
  apply(layer: number, projections: Projections): Value {
    const { config, g } = this;
    const pastDims = ['batch', config.numKvHeads, 'capacity', config.headDim];
    const [pastK, pastV] = this.cached
      ? ['k', 'v'].map((kind) => g.input(`past_${kind}.${layer}`, 'float32', pastDims))
      : ['', ''];
    const presents = [`present_k.${layer}`, `present_v.${layer}`] as const;
    const [q, k, v] = this.positionIds === null ? this.unrotated(projections) : this.rotated(projections);
    const window = config.slidingWindows[layer] ?? null;
    const fused = this.positionIds === null;
    const out = `attention.${layer}`;
    g.namedNode(
      'GroupQueryAttention',
      [q, k, v, pastK as Value, pastV as Value, this.seqlens, this.totalLen, ...(fused ? [this.cos, this.sin] : [])],
      [out, ...presents],
      {
        domain: 'com.microsoft',
        attributes: {
          num_heads: config.numHeads,
          kv_num_heads: config.numKvHeads,
          do_rotary: fused ? 1 : 0,
          ...(window === null ? {} : { local_window_size: window }),
        },
      },
    );
    if (this.cached) for (const present of presents) g.output(present, present, 'float32', pastDims);
    return g.node('Reshape', [out, this.flat]);
  }

  private group(value: Value): Value {
    return this.g.node('Reshape', [value, this.grouped]);
  }

  private unrotated(projections: Projections): [Value, Value, Value] {
    if ('packed' in projections) return [this.group(projections.packed), '', ''];
    return [this.group(projections.q), this.group(projections.k), this.group(projections.v)];
  }

  private rotated(projections: Projections): [Value, Value, Value] {
    const { q, k, v } = 'packed' in projections ? this.split(projections.packed) : projections;
    return [
      this.rotate(this.group(q), this.config.numHeads),
      this.rotate(this.group(k), this.config.numKvHeads),
      this.group(v),
    ];
  }

  private split(packed: Value): { q: Value; k: Value; v: Value } {
    const { numHeads, numKvHeads, headDim } = this.config;
    const sizes = this.g.ints('qkv.sizes', [numHeads * headDim, numKvHeads * headDim, numKvHeads * headDim]);
    const [q, k, v] = this.g.nodes('Split', [packed, sizes], { attributes: { axis: 1 }, outputs: 3 }) as [
      Value,
      Value,
      Value,
    ];
    return { q, k, v };
  }

  private rotate(value: Value, heads: number): Value {
    return this.g.node('RotaryEmbedding', [value, this.positionIds as Value, this.cos, this.sin], {
      domain: 'com.microsoft',
      attributes: { interleaved: 0, num_heads: heads },
    });
  }
}
