import type { DecoderConfig } from '../config/decoder-config';
import type { Experts } from '../config/experts';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { ElementType } from '../../onnxruntime/element-type';
import { isSilu } from './activation';
import { activatedHalves, gatedMlp } from './layers';
import { unquantized, type Projection } from './linear-method';
import type { BranchInput } from './residual-stream';
import { turned } from './rotation';

/**
 * A mixture of experts, unrolled: each pair of a token and one of its experts is a row, rows are sorted by expert, each
 * expert multiplies its slice of them (most often none), and the rows go back to their tokens. ONNX Runtime's own operators
 * for this are slower, and their sums depend on the rest of the batch.
 *
 * A token's output has the same bits in any batch: nothing is summed across rows, and its experts are added in the order of
 * their rank.
 */

/** The rows of one layer in the order of their experts. */
interface Routing {
  /** [tokens, chosen] The experts of each token, those that weigh most first. */
  readonly ids: Value;
  /** [pairs] The flat pair, token · chosen + rank, that each sorted row is. */
  readonly order: Value;
  /** [pairs] The sorted row of each pair. */
  readonly places: Value;
  /** [pairs, 1] What the sorted rows weigh. */
  readonly weights: Value;
  /** [experts] Rows of each expert. */
  readonly counts: Value;
}

/** What a layer of experts gives. */
interface Mixture {
  /** [tokens, hidden] */
  readonly output: Value;
  /** [tokens, chosen] int64 */
  readonly ids: Value;
}

/**
 * @param prefix of the layer's weights
 */
export function mixtureOfExperts(
  g: GraphBuilder,
  config: DecoderConfig,
  input: BranchInput,
  prefix: string,
  experts: Experts,
): Mixture {
  const block = `${prefix}.${experts.names.block}`;
  const x = input.plain(input.value);
  const routing = route(g, experts, routerLogits(g, x, `${block}.gate`, config.hiddenSize, experts.count));
  const mixed = throughExperts(g, config, input, block, experts, routing);
  const { ids } = routing;
  if (experts.sharedIntermediateSize === null) return { output: mixed, ids };
  const shared = gatedMlp(g, input, `${block}.shared_expert`, {
    hidden: config.hiddenSize,
    intermediate: experts.sharedIntermediateSize,
    activation: config.hiddenAct,
    bias: false,
    fused: false,
  });
  const gate = g.node('Sigmoid', [routerLogits(g, x, `${block}.shared_expert_gate`, config.hiddenSize, 1)]);
  return { output: g.node('Add', [mixed, g.node('Mul', [shared, gate])]), ids };
}

/** Output of a graph with experts, on request: see `outputRouting`. */
export const ROUTING_OUTPUT = 'expert_ids';

/**
 * Has the experts of every token come out of the graph: [tokens, chosen of all layers], int32, layer after layer.
 * @param ids of each layer, [tokens, chosen]
 */
export function outputRouting(g: GraphBuilder, ids: readonly Value[], width: number): void {
  const together = g.node('Concat', ids, { attributes: { axis: 1 } });
  g.namedNode('Cast', [together], [ROUTING_OUTPUT], { attributes: { to: ElementType.int32 } });
  g.output(ROUTING_OUTPUT, ROUTING_OUTPUT, 'int32', ['tokens', width]);
}

/** Routers are small and decide for the rest: no quantization scheme touches them. */
function routerLogits(g: GraphBuilder, x: Value, name: string, inputs: number, outputs: number): Value {
  return unquantized.apply(g, x, { inputs, parts: [{ name, outputs }], bias: false });
}

/** Chosen and weighed in float32. @param scores [tokens, experts] */
function route(g: GraphBuilder, { count, chosen, normalized }: Experts, scores: Value): Routing {
  const logits = g.wide(scores);
  const [best, ids] = topK(g, logits, g.ints(`experts.chosen.${chosen}`, [chosen]), 'largest');
  // Normalized among the chosen is what a softmax over the chosen alone gives, without a sum of its own.
  const weights = normalized
    ? softmax(g, best)
    : g.node('GatherElements', [softmax(g, logits), ids], { attributes: { axis: 1 } });
  const flatIds = g.node('Reshape', [ids, g.ints('rest', [-1])]);
  const pairs = g.node('Shape', [flatIds]);
  const [, order] = topK(g, flatIds, pairs, 'smallest');
  const ones = g.node('Expand', [g.ints('one.int', [1]), pairs]);
  const counts = g.node('ScatterElements', [g.ints(`experts.none.${count}`, Array<number>(count).fill(0)), flatIds, ones], {
    attributes: { axis: 0, reduction: 'add' },
  });
  const rows = g.node('Sub', [g.node('CumSum', [ones, g.ints('zero.int', [0])]), ones]);
  return {
    ids,
    order,
    places: g.node('ScatterElements', [order, order, rows], { attributes: { axis: 0 } }),
    weights: gather(g, g.node('Reshape', [g.narrow(weights), g.ints('column', [-1, 1])]), order),
    counts,
  };
}

function throughExperts(
  g: GraphBuilder,
  config: DecoderConfig,
  { value: x, reads, writes }: BranchInput,
  block: string,
  experts: Experts,
  { order, places, weights, counts }: Routing,
): Value {
  const { count, chosen, intermediateSize, names } = experts;
  const tokens = g.node('Div', [order, g.ints(`experts.chosen.${chosen}`, [chosen])]);
  const projections = (inputs: number, outputs: number, parts: readonly string[]): Projection[] =>
    Array.from({ length: count }, (_, expert) => ({
      inputs,
      parts: parts.map((name) => ({ name: `${block}.experts.${expert}.${name}`, outputs })),
      bias: false,
    }));
  const rows = gather(g, x, tokens);
  const wide = projections(config.hiddenSize, intermediateSize, [names.gate, names.up]);
  const inner = writes.inner(intermediateSize);
  const value =
    (isSilu(config.hiddenAct) && reads.gatedEach?.(g, rows, counts, wide, inner.block)) ||
    turned(g, activatedHalves(g, config.hiddenAct, reads.applyEach(g, rows, counts, wide)), intermediateSize, inner.block);
  const narrow = projections(intermediateSize, config.hiddenSize, [names.down]);
  const narrowed = inner.linear.applyEach(g, value, counts, narrow);
  const weighted = g.node('Mul', [narrowed, weights]);

  const perToken = g.node('Reshape', [
    gather(g, weighted, places),
    g.ints(`experts.wide.${chosen}`, [-1, chosen * config.hiddenSize]),
  ]);
  if (chosen === 1) return perToken;
  return g
    .nodes('Split', [perToken], { attributes: { axis: 1, num_outputs: chosen }, outputs: chosen })
    .reduce((sum, next) => g.node('Add', [sum, next]));
}

/** The first `k` along the last axis, sorted: values and indices, the lower index first where values are equal. */
function topK(g: GraphBuilder, x: Value, k: Value, first: 'largest' | 'smallest'): [values: Value, indices: Value] {
  const attributes = { axis: -1, largest: first === 'largest' ? 1 : 0, sorted: 1 };
  return g.nodes('TopK', [x, k], { attributes, outputs: 2 }) as [Value, Value];
}

function softmax(g: GraphBuilder, x: Value): Value {
  return g.node('Softmax', [x], { attributes: { axis: -1 } });
}

function gather(g: GraphBuilder, x: Value, rows: Value): Value {
  return g.node('Gather', [x, rows], { attributes: { axis: 0 } });
}
