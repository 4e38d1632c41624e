import type { Routers } from '../../models/config/experts';
import type { RoutedPass } from '../../model-runner/routing';

/** What is known of the experts that one run of the model chose. */
export interface PassRecord {
  /** Its number among all runs since start, from 1. */
  readonly id: number;
  /** [layers with experts, experts] How many tokens went through each. */
  readonly counts: Int32Array;
  /** null unless each token is recorded. */
  readonly tokens: PassTokens | null;
}

/** The tokens of one run, without padding. */
export interface PassTokens {
  readonly mode: RoutedPass['mode'];
  readonly ids: Int32Array;
  /** Their places in their requests, from 0. */
  readonly positions: Int32Array;
  /** How many of them each request has. */
  readonly lengths: readonly number[];
  /** [tokens, chosen of all layers] Layer after layer; an id of an expert is at most 4095. */
  readonly experts: Int16Array;
}

/** What was recorded since the recorder was last reset. */
export interface Recording {
  /** The last passes, as many as are kept; oldest first. */
  readonly passes: readonly PassRecord[];
  /** [layers with experts, experts] The sum of all passes, also of those that are not kept. */
  readonly totals: Float64Array;
  /** Mean of the last passes; null where nobody asked for it, and without passes. */
  readonly balancedness: number | null;
}

/** How many of the tokens of a pass went through each expert, [layers with experts, experts]. Padding does not count. */
export function countExperts({ layers, numExperts }: Routers, pass: RoutedPass): Int32Array {
  const counts = new Int32Array(layers.length * numExperts);
  const width = widthOf(layers);
  pass.rows.forEach(({ ids }, row) => {
    let at = (pass.starts[row] as number) * width;
    for (let token = 0; token < ids.length; token++) {
      let base = 0;
      for (const { chosen } of layers) {
        for (const end = at + chosen; at < end; at++) {
          const cell = base + (pass.experts[at] as number);
          counts[cell] = (counts[cell] as number) + 1;
        }
        base += numExperts;
      }
    }
  });
  return counts;
}

/** Copies what a pass says of each of its tokens. */
export function copyTokens({ layers }: Routers, { mode, rows, starts, experts }: RoutedPass): PassTokens {
  const width = widthOf(layers);
  const lengths = rows.map(({ ids }) => ids.length);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const copy = {
    ids: new Int32Array(tokens),
    positions: new Int32Array(tokens),
    experts: new Int16Array(tokens * width),
  };
  let at = 0;
  rows.forEach(({ ids, past }, row) => {
    copy.ids.set(ids, at);
    for (let i = 0; i < ids.length; i++) copy.positions[at + i] = past + i;
    const start = (starts[row] as number) * width;
    copy.experts.set(experts.subarray(start, start + ids.length * width), at * width);
    at += ids.length;
  });
  return { mode, lengths, ...copy };
}

function widthOf(layers: Routers['layers']): number {
  return layers.reduce((sum, { chosen }) => sum + chosen, 0);
}
