import type { DecoderConfig } from '../config/decoder-config';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import type { KvType } from '../kv-planes';
import { CachedAttention, hasCachedAttention } from './cached-attention';
import { GroupedQueryAttention } from './grouped-query-attention';
import { PagedAttention } from './paged-attention';
import type { Projections } from './projections';

/** How a decoder's layers attend, and with that, how the tokens of a run's rows lie in its graph. */
export interface Attention {
  /** [tokens] int64, of all rows. */
  readonly tokenIds: Value;

  /**
   * @param projections [tokens, width] each
   * @returns [tokens, heads · head_dim]
   */
  apply(layer: number, projections: Projections): Value;
}

/**
 * The attention of a graph: in pages where the session has them, else by the operator of `native` where that computes it.
 * @param capacity tokens a row can hold; bounds the rotary tables
 * @param kvType of keys and values, which outlive the run; null where they do not: the graph has no past and no present then
 * @throws StartupError when nothing computes with keys and values of this type
 */
export function attentionOf(
  g: GraphBuilder,
  config: DecoderConfig,
  capacity: number,
  kvType: KvType | null,
): Attention {
  if (kvType !== null && g.hasPages) return new PagedAttention(g, config, capacity, kvType);
  return kvType !== null && hasCachedAttention(g, config, kvType)
    ? new CachedAttention(g, config, capacity, kvType)
    : new GroupedQueryAttention(g, config, capacity, kvType);
}
