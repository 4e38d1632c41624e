import { StartupError } from '../../core/errors';
import type { DecoderConfig } from '../config/decoder-config';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { kvPlanes, type KvPlane, type KvType } from '../kv-planes';
import type { Attention } from './attention';
import type { Projections } from './projections';
import { GraphRotary, type RotaryInputs } from './rotary-inputs';

/** What the operator computes: heads of so many elements, and so many of them with the same keys (`native/kernels.h`). */
const HEADS = { multipleOf: 16, longest: 256, sharing: 64 };

/**
 * Whether `cachedAttention` computes the layers of a model.
 * @throws StartupError when keys and values are of a type that nothing else computes with
 */
export function hasCachedAttention(g: GraphBuilder, config: DecoderConfig, kvType: KvType): boolean {
  const { headDim, numHeads, numKvHeads } = config;
  const fits =
    headDim % HEADS.multipleOf === 0 && headDim <= HEADS.longest && numHeads / numKvHeads <= HEADS.sharing;
  if (!fits && kvType === 'int8') {
    throw new StartupError(`--kv-cache-dtype int8 does not support heads of ${headDim} elements`);
  }
  return fits && g.hasOwnOperators;
}

/** What a layer's attention has beside its queries, keys and values. */
export interface LayerAttention {
  readonly layer: number;
  /** [batch] int32: tokens of each row with the new ones, less one. */
  readonly seqlens: Value;
  /** [batch + 1] int32: where the new tokens of each row begin, and their end. */
  readonly starts: Value;
  /** null where the layer does not rotate. */
  readonly tables: Omit<RotaryInputs, 'dims'> | null;
  /** Tokens that one attends to, itself included; null for all before it. */
  readonly window: number | null;
  readonly kvType: KvType;
}

/**
 * Attention by the operator of `native`, which rotates, appends to the rows and attends, in one pass over keys and values for all query
 * heads that share them. A token's result has the same bits in any batch and behind any pieces of its prompt.
 * @param projections [tokens, width] each
 * @returns [tokens, heads · head_dim]
 */
export function cachedAttention(
  g: GraphBuilder,
  config: DecoderConfig,
  projections: Projections,
  { layer, seqlens, starts, tables, window, kvType }: LayerAttention,
): Value {
  const { numHeads, numKvHeads, headDim, attentionScale, attentionSoftcap } = config;
  const planes = kvPlanes(layer, headDim, kvType);
  const dimsOf = ({ width }: KvPlane) => ['batch', numKvHeads, 'capacity', width];
  for (const plane of planes) g.input(plane.past, plane.type, dimsOf(plane));
  // The operator takes scales behind all the rest, because they are not always there.
  const inOrder = [...planes].sort((a, b) => b.width - a.width);
  const [keys, values, ...scales] = inOrder.map(({ past }) => past) as [Value, Value, ...Value[]];
  const qkv = 'packed' in projections ? [projections.packed, '', ''] : [projections.q, projections.k, projections.v];
  const rotary = tables === null ? ['', ''] : [tables.cos, tables.sin];
  const out = `attention.${layer}`;
  g.namedNode(
    kvType === 'int8' ? 'CachedAttentionInt8' : 'CachedAttention',
    [...qkv, keys, values, seqlens, starts, ...rotary, ...scales],
    [out, ...inOrder.map(({ present }) => present)],
    {
      domain: 'sglang',
      attributes: {
        num_heads: numHeads,
        kv_num_heads: numKvHeads,
        local_window_size: window ?? 0,
        scale: { float: attentionScale ?? 1 / Math.sqrt(headDim) },
        softcap: { float: attentionSoftcap ?? 0 },
      },
    },
  );
  for (const plane of planes) g.output(plane.present, plane.present, plane.type, dimsOf(plane));
  return out;
}

/**
 * Attention by that operator in all layers. The rows of a run lie one after the other, each as long as it is, behind pasts of any length:
 * whole prompts, later pieces and decode steps are one run's.
 */
export class CachedAttention implements Attention {
  readonly tokenIds: Value;
  private readonly seqlens: Value;
  private readonly starts: Value;
  private readonly rotary: GraphRotary;

  /** Parameters as those of `attentionOf`. */
  constructor(
    private readonly g: GraphBuilder,
    private readonly config: DecoderConfig,
    capacity: number,
    private readonly kvType: KvType,
  ) {
    this.tokenIds = g.input('input_ids', 'int64', ['tokens']);
    this.seqlens = g.input('seqlens_k', 'int32', ['batch']);
    this.starts = g.input('row_starts', 'int32', ['starts']);
    this.rotary = new GraphRotary(g, capacity);
  }

  apply(layer: number, projections: Projections): Value {
    const { config, kvType, seqlens, starts } = this;
    const tables = this.rotary.of(config.ropes[layer] ?? null);
    const window = config.slidingWindows[layer] ?? null;
    return cachedAttention(this.g, config, projections, { layer, seqlens, starts, tables, window, kvType });
  }
}
