import type { DecoderConfig } from '../config/decoder-config';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { kvPlanes, type KvType } from '../kv-planes';
import type { Attention } from './attention';
import { separated, type Projections } from './projections';
import { GraphRotary, type RotaryInputs } from './rotary-inputs';
import { attentionAttributes, fusesRotary, rotate } from './runtime-attention';

/**
 * Attention over keys and values in pages: for each layer the graph takes `past_k.<layer>` and `past_v.<layer>` of shape [pages, page,
 * kv_heads, head_dim] and returns `present_…`, bound to the same buffer, where `slot_mapping` says which place a new token's keys and values
 * are written to (page · page size + offset; -1 for nowhere). `block_table` names the pages of each row, in the order of its tokens.
 *
 * The rows of a run lie one after the other, each as long as it is (`row_starts`), behind pasts of any length (`past_seqlens`).
 * `attention_metadata` is read on the host: bounds of what the rows of a run hold, see `StepInputs.finish`.
 */
export class PagedAttention implements Attention {
  readonly tokenIds: Value;
  private readonly starts: Value;
  private readonly pasts: Value;
  private readonly table: Value;
  private readonly slots: Value;
  private readonly bounds: Value;
  private readonly rotary: GraphRotary;
  /** [1, tokens] int64; null where the operator rotates. */
  private readonly positionIds: Value | null;

  /** Parameters as those of `attentionOf`. */
  constructor(
    private readonly g: GraphBuilder,
    private readonly config: DecoderConfig,
    capacity: number,
    private readonly kvType: KvType,
  ) {
    this.tokenIds = g.input('input_ids', 'int64', ['tokens']);
    this.starts = g.input('row_starts', 'int32', ['starts']);
    this.pasts = g.input('past_seqlens', 'int32', ['batch']);
    this.table = g.input('block_table', 'int32', ['batch', 'pages of a row']);
    this.slots = g.input('slot_mapping', 'int32', ['tokens']);
    this.bounds = g.input('attention_metadata', 'int32', [3]);
    this.rotary = new GraphRotary(g, capacity);
    this.positionIds = fusesRotary(config) ? null : this.asOneRow(g.input('position_ids', 'int64', ['tokens']));
  }

  apply(layer: number, projections: Projections): Value {
    const { g, config } = this;
    const tables = this.rotary.of(config.ropes[layer] ?? null);
    const fused = tables !== null && this.positionIds === null;
    const planes = kvPlanes(layer, config.headDim, this.kvType);
    const dims = ['pages', 'page', config.numKvHeads, config.headDim];
    const out = `attention.${layer}`;
    g.namedNode(
      'PagedAttention',
      [
        ...this.queriesKeysValues(projections, tables),
        ...planes.map(({ past, type }) => g.input(past, type, dims)),
        this.starts,
        this.pasts,
        this.table,
        ...(fused ? [tables.cos, tables.sin] : ['', '']),
        this.slots,
        // What it could do besides: sinks, norms of queries and keys, scales of quantized ones.
        ...['', '', '', '', ''],
        this.bounds,
      ],
      [out, ...planes.map(({ present }) => present)],
      {
        domain: 'com.microsoft',
        attributes: attentionAttributes(config, layer, fused),
      },
    );
    for (const { present, type } of planes) g.output(present, present, type, dims);
    return out;
  }

  /** Rotated where the operator does not; side by side in the first one where they come so and nothing stands between. */
  private queriesKeysValues(projections: Projections, tables: RotaryInputs | null): [Value, Value, Value] {
    const { g, config, positionIds } = this;
    if (tables === null || positionIds === null) {
      return 'packed' in projections
        ? [projections.packed, '', '']
        : [projections.q, projections.k, projections.v];
    }
    const { q, k, v } = separated(g, config, projections);
    const rotated = (value: Value, heads: number) => {
      const turned = rotate(g, config, this.asOneRow(value), heads, tables, positionIds);
      return g.node('Squeeze', [turned, g.ints('first', [0])]);
    };
    return [rotated(q, config.numHeads), rotated(k, config.numKvHeads), v];
  }

  private asOneRow(value: Value): Value {
    return this.g.node('Unsqueeze', [value, this.g.ints('first', [0])]);
  }
}
