/** Number types of keys and values; int8 has a float32 scale for each token of a head. */
export type KvType = 'float32' | 'float16' | 'bfloat16' | 'int8';

/** A tensor that has something for each token of each head of a layer: its keys or values, or their scales. */
export interface KvPlane {
  /**
   * Graph input of what was there before a run, and output of what is there afterwards: [rows, kv_heads, capacity, width], or in pages
   * [pages, page, kv_heads, width].
   */
  readonly past: string;
  readonly present: string;
  readonly type: KvType;
  /** Elements of one token of a head. */
  readonly width: number;
}

/** What the graph keeps of a layer's tokens. */
export function kvPlanes(layer: number, headDim: number, type: KvType): KvPlane[] {
  return ['k', 'v'].flatMap((kind) => {
    const plane = { past: `past_${kind}.${layer}`, present: `present_${kind}.${layer}`, type, width: headDim };
    if (type !== 'int8') return [plane];
    const [past, present] = [`past_${kind}_scale.${layer}`, `present_${kind}_scale.${layer}`];
    return [plane, { past, present, type: 'float32', width: 1 } as const];
  });
}

/** That of all layers, one after the other. */
export function kvPlanesOf(
  { numLayers, headDim }: { readonly numLayers: number; readonly headDim: number },
  type: KvType,
): KvPlane[] {
  return Array.from({ length: numLayers }, (_, layer) => kvPlanes(layer, headDim, type)).flat();
}
