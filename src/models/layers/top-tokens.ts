import type { GraphBuilder, TopSearch, Value } from '../graph/graph-builder';

/** So many tokens of a row are told, which is more than nearly all requests can draw from. */
const TOP_TOKENS = 64;

/** Logits of a block. */
const BLOCK = 64;

/** Below any logit that is meant. */
const LOWEST = -3.4e38;

/** Tokens of each row that `top` tells. */
export function topCount(vocabSize: number): number {
  return Math.min(TOP_TOKENS, vocabSize);
}

/**
 * The output `top` [rows, 2 · count + 1] float32, few numbers in place of a row of logits: the `topCount` largest, best first; the tokens
 * they are of; and the sum of exp((logit - largest) · scale) over the whole row, which is NaN where a logit is, or where none is finite.
 * Among equal logits the order is the device's. Input: `scales` [rows, 1] float32.
 *
 * Every node has a kernel on WebGPU and on CUDA without cuDNN: places are gathered from a table of tokens, because integers are not
 * computed with on WebGPU.
 * @param logits [rows, vocabulary] float32
 */
export function outputTop(g: GraphBuilder, logits: Value, vocabSize: number, search: TopSearch): void {
  const count = topCount(vocabSize);
  const scales = g.input('scales', 'float32', ['rows', 1]);
  const inBlocks = search === 'blocks' && vocabSize >= BLOCK * count;
  const { values, tokens } = inBlocks ? topOfBlocks(g, logits, vocabSize) : topOfRows(g, logits, vocabSize);
  const largest = g.node('Gather', [values, g.ints('top.first', [0])], { attributes: { axis: 1 } });
  const below = g.node('Mul', [g.node('Sub', [logits, largest]), scales]);
  const mass = g.node('ReduceSum', [g.node('Exp', [below]), g.ints('top.axis', [1])]);
  const top = g.node('Concat', [values, tokens, mass], { attributes: { axis: 1 } });
  g.output('top', top, 'float32', ['rows', 2 * count + 1]);
}

/** [rows, count] both. */
interface Top {
  readonly values: Value;
  readonly tokens: Value;
}

function topOfRows(g: GraphBuilder, logits: Value, vocabSize: number): Top {
  const [values, places] = topOf(g, logits, topCount(vocabSize));
  const tokens = g.node('Gather', [tokenTable(g, [vocabSize], vocabSize), places]);
  return { values, tokens };
}

/** The largest logits lie in as many blocks at most, and those are the ones whose own largest are the largest. */
function topOfBlocks(g: GraphBuilder, logits: Value, vocabSize: number): Top {
  const count = topCount(vocabSize);
  const blocks = Math.ceil(vocabSize / BLOCK);
  const blocked = g.node('Reshape', [
    padded(g, logits, blocks * BLOCK - vocabSize),
    g.ints('top.blocks', [-1, blocks, BLOCK]),
  ]);
  const largest = g.node('ReduceMax', [blocked, g.ints('top.lanes', [2])]);
  const [, chosen] = topOf(g, largest, count);
  const candidates = g.ints('top.candidates', [-1, count * BLOCK]);
  const ofBlocks = (value: Value) => g.node('Reshape', [value, candidates]);
  const [values, places] = topOf(
    g,
    ofBlocks(g.node('GatherND', [blocked, chosen], { attributes: { batch_dims: 1 } })),
    count,
  );
  const table = tokenTable(g, [blocks, BLOCK], vocabSize);
  const tokens = g.node('GatherElements', [ofBlocks(g.node('Gather', [table, chosen])), places], {
    attributes: { axis: 1 },
  });
  return { values, tokens };
}

/** The largest along axis 1, and where they are. */
function topOf(g: GraphBuilder, value: Value, count: number): [values: Value, places: Value] {
  return g.nodes('TopK', [value, g.ints('top.count', [count])], {
    attributes: { axis: 1 },
    outputs: 2,
  }) as [Value, Value];
}

/** Rows with so many logits more. */
function padded(g: GraphBuilder, logits: Value, by: number): Value {
  if (by === 0) return logits;
  const lowest = g.wideFloats('top.lowest', [], Float32Array.of(LOWEST));
  return g.node('Pad', [logits, g.ints('top.padding', [0, 0, 0, by]), lowest]);
}

/** Each token by its place; floats hold all of a vocabulary exactly. */
function tokenTable(g: GraphBuilder, dims: readonly number[], vocabSize: number): Value {
  const places = dims.reduce((product, dim) => product * dim, 1);
  const tokens = Float32Array.from({ length: places }, (_, place) => Math.min(place, vocabSize - 1));
  return g.wideFloats('top.tokens', dims, tokens);
}
