import { ElementType } from '../../onnxruntime/element-type';
import type { GraphBuilder, TopSearch, Value } from '../graph/graph-builder';

/** So many tokens of a row are told, which is more than nearly all requests cut their choice to. */
const TOP_TOKENS = 64;

/** Logits of a block. */
export const TOP_BLOCK = 64;

/** Below any logit that is meant, without being infinite, which shaders cannot be given. */
const LOWEST = -3.4e38;

/** Tokens of each row that `top` tells. */
export function topCount(vocabSize: number): number {
  return Math.min(TOP_TOKENS, vocabSize);
}

/**
 * The output `top` [rows, 2 · count + 3 + TOP_BLOCK] float32, few numbers in place of a row of logits:
 * - the `topCount` largest, best first, and the tokens they are of; among equals the order is the device's;
 * - the mass of the row, the sum of exp((logit - largest) · scale): NaN where a logit is, or where none is finite;
 * - of the block of `TOP_BLOCK` tokens in which the sum of masses passes `draws` of the whole: the mass of the blocks before it, its number,
 *   and the mass of each of its tokens; all 0 where rounding puts that behind the last.
 *
 * Inputs: `scales` [rows, 1] and `draws` [rows, 1], float32.
 *
 * Every node has a kernel on WebGPU, which computes with no integers of 64 bits, and on CUDA without cuDNN, which reduces the last
 * axis by sums only.
 * @param logits [rows, vocabulary] float32
 */
export function outputTop(g: GraphBuilder, logits: Value, vocabSize: number, search: TopSearch): void {
  const count = topCount(vocabSize);
  const blocks = blocksOf(vocabSize);
  const row = padded(g, logits, blocks * TOP_BLOCK - vocabSize);
  const inBlocks = search === 'blocks' && blocks >= count;
  const { values, tokens } = (inBlocks ? topOfBlocks : topOfRows)(g, row, vocabSize);
  const largest = g.node('Gather', [values, g.ints('top.first', [0])], { attributes: { axis: 1 } });
  const below = g.node('Mul', [g.node('Sub', [row, largest]), g.input('scales', 'float32', ['rows', 1])]);
  const drawn = drawnBlock(g, g.node('Exp', [below]), blocks);
  const top = g.node('Concat', [values, tokens, ...drawn], { attributes: { axis: 1 } });
  g.output('top', top, 'float32', ['rows', 2 * count + 3 + TOP_BLOCK]);
}

/** [rows, count] both. */
interface Top {
  readonly values: Value;
  readonly tokens: Value;
}

function topOfRows(g: GraphBuilder, row: Value, vocabSize: number): Top {
  const [values, places] = topOf(g, row, topCount(vocabSize));
  const tokens = g.node('Gather', [tokenTable(g, [blocksOf(vocabSize) * TOP_BLOCK], vocabSize), places]);
  return { values, tokens };
}

/** The largest logits lie in as many blocks at most, and those are the ones whose own largest are the largest. */
function topOfBlocks(g: GraphBuilder, row: Value, vocabSize: number): Top {
  const count = topCount(vocabSize);
  const blocks = blocksOf(vocabSize);
  const blocked = inBlocks(g, row, blocks);
  const largest = g.node('ReduceMax', [blocked, g.ints('top.lanes', [2])]);
  const [, chosen] = topOf(g, largest, count);
  const candidates = g.ints('top.candidates', [-1, count * TOP_BLOCK]);
  const ofBlocks = (value: Value) => g.node('Reshape', [value, candidates]);
  const values = ofBlocks(g.node('GatherND', [blocked, chosen], { attributes: { batch_dims: 1 } }));
  const tokens = ofBlocks(g.node('Gather', [tokenTable(g, [blocks, TOP_BLOCK], vocabSize), chosen]));
  const [best, places] = topOf(g, values, count);
  return { values: best, tokens: g.node('GatherElements', [tokens, places], { attributes: { axis: 1 } }) };
}

/**
 * Where a row of masses is drawn from, as columns of `top`. The block is picked by a sum over all blocks, of which the others
 * count 0: nothing is computed with its number.
 */
function drawnBlock(g: GraphBuilder, masses: Value, blocks: number): Value[] {
  const draws = g.input('draws', 'float32', ['rows', 1]);
  const last = g.ints('top.axis', [1]);
  const sum = (value: Value) => g.node('ReduceSum', [value, last]);
  const blocked = inBlocks(g, masses, blocks);
  const of = g.node('ReduceSum', [blocked, g.ints('top.lanes', [2])], { attributes: { keepdims: 0 } });
  const mass = sum(of);
  const upTo = g.node('CumSum', [of, last]);
  const before = g.node('Sub', [upTo, of]);
  const target = g.node('Mul', [mass, draws]);
  const isPicked = g.node('And', [g.node('Greater', [upTo, target]), g.node('LessOrEqual', [before, target])]);
  const picked = g.node('Cast', [isPicked], { attributes: { to: ElementType.float32 } });
  const numbers = Float32Array.from({ length: blocks }, (_, block) => block);
  const chosen = (value: Value) => sum(g.node('Mul', [picked, value]));
  const row = g.node('Reshape', [picked, g.ints('top.picked', [-1, 1, blocks])]);
  const own = g.node('Reshape', [g.node('MatMul', [row, blocked]), g.ints('top.own', [-1, TOP_BLOCK])]);
  return [mass, chosen(before), chosen(g.wideFloats('top.numbers', [1, blocks], numbers)), own];
}

function blocksOf(vocabSize: number): number {
  return Math.ceil(vocabSize / TOP_BLOCK);
}

/** [rows, blocks, TOP_BLOCK] */
function inBlocks(g: GraphBuilder, row: Value, blocks: number): Value {
  return g.node('Reshape', [row, g.ints('top.blocks', [-1, blocks, TOP_BLOCK])]);
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
