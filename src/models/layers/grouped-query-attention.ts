import type { DecoderConfig } from '../config/decoder-config';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { kvPlanes, type KvType } from '../kv-planes';
import type { Attention } from './attention';
import { separated, type Projections } from './projections';
import { GraphRotary, type RotaryInputs } from './rotary-inputs';
import { attentionAttributes, fusesRotary, rotate } from './runtime-attention';

/**
 * Attention over KV rows that belong to the caller. For each layer the graph takes `past_k.<layer>` and `past_v.<layer>`
 * of shape [batch, kv_heads, capacity, head_dim] and returns `present_…`; both are bound to one buffer, so new tokens are
 * appended in place. Each row's length is its own: `seqlens_k[row]` is its token count after this step, less one.
 *
 * Values outside attention are flat, [batch · sequence, width]; this class does the reshaping.
 */
export class GroupedQueryAttention implements Attention {
  readonly tokenIds: Value;
  private readonly seqlens: Value;
  private readonly totalLen: Value;
  /** [1] int64: rows of the run. */
  private readonly batch: Value;
  private readonly flat: Value;
  private readonly rotary: GraphRotary;
  /** [batch, sequence] int64; null where GroupQueryAttention rotates. */
  private readonly positionIds: Value | null;

  /** Parameters as those of `attentionOf`. */
  constructor(
    private readonly g: GraphBuilder,
    private readonly config: DecoderConfig,
    capacity: number,
    private readonly kvType: KvType | null,
  ) {
    const inputIds = g.input('input_ids', 'int64', ['batch', 'sequence']);
    this.tokenIds = g.node('Reshape', [inputIds, g.ints('rest', [-1])]);
    this.rotary = new GraphRotary(g, capacity);
    this.seqlens = g.input('seqlens_k', 'int32', ['batch']);
    this.totalLen = g.input('total_len', 'int32', []);
    this.positionIds = fusesRotary(config) ? null : g.input('position_ids', 'int64', ['batch', 'sequence']);
    // Of an input that devices have their own kernel for: shapes of int64 are the CPU's everywhere.
    this.batch = g.node('Shape', [this.seqlens]);
    this.flat = g.ints('shape.attention', [-1, config.numHeads * config.headDim]);
  }

  apply(layer: number, projections: Projections): Value {
    const { config, g, kvType } = this;
    const tables = this.rotary.of(config.ropes[layer] ?? null);
    const planes = kvType === null ? [] : kvPlanes(layer, config.headDim, kvType);
    const pastDims = ['batch', config.numKvHeads, 'capacity', config.headDim];
    const past = kvType === null ? ['', ''] : planes.map((plane) => g.input(plane.past, plane.type, pastDims));
    const presents = [`present_k.${layer}`, `present_v.${layer}`] as const;
    const [q, k, v] =
      tables === null || this.positionIds === null
        ? this.unrotated(projections)
        : this.rotated(projections, tables, this.positionIds);
    const fused = tables !== null && this.positionIds === null;
    const out = `attention.${layer}`;
    const rows = [...past, this.seqlens, this.totalLen];
    g.namedNode(
      'GroupQueryAttention',
      [q, k, v, ...rows, ...(fused ? [tables.cos, tables.sin] : [])],
      [out, ...presents],
      {
        domain: 'com.microsoft',
        traits: [
          ...(kvType !== null ? [] : ['uncached-attention' as const]),
          ...(config.attentionSoftcap === null ? [] : ['capped-attention' as const]),
        ],
        attributes: attentionAttributes(config, layer, fused),
      },
    );
    for (const { present, type } of planes) g.output(present, present, type, pastDims);
    return g.node('Reshape', [out, this.flat]);
  }

  /** [tokens, heads · head_dim] as [batch, sequence, heads · head_dim]. */
  private group(value: Value, heads: number): Value {
    const width = heads * this.config.headDim;
    const shape = this.g.memo(`shape.grouped.${width}`, () =>
      this.g.node('Concat', [this.batch, this.g.ints(`shape.rows.${width}`, [-1, width])], {
        traits: ['shape'],
        attributes: { axis: 0 },
      }),
    );
    return this.g.node('Reshape', [value, shape]);
  }

  private unrotated(projections: Projections): [Value, Value, Value] {
    const { numHeads, numKvHeads } = this.config;
    if ('packed' in projections) return [this.group(projections.packed, numHeads + 2 * numKvHeads), '', ''];
    const { q, k, v } = projections;
    return [this.group(q, numHeads), this.group(k, numKvHeads), this.group(v, numKvHeads)];
  }

  private rotated(projections: Projections, tables: RotaryInputs, positionIds: Value): [Value, Value, Value] {
    const { g, config } = this;
    const { q, k, v } = separated(g, config, projections);
    const rotated = (value: Value, heads: number) =>
      rotate(g, config, this.group(value, heads), heads, tables, positionIds);
    return [rotated(q, config.numHeads), rotated(k, config.numKvHeads), this.group(v, config.numKvHeads)];
  }
}
