import type { GraphBuilder, Value } from '../graph/graph-builder';

/** The layers that model families are written in. All values are flat: [tokens, width]. */

/** One or several projections of the same input, side by side in the output. Weights are [out, in], as torch stores them. */
export interface LinearPart {
  readonly name: string;
  readonly outputs: number;
}

/** y = x · Wᵀ (+ b), with `<name>.weight` and, if asked for, `<name>.bias`. */
export function linear(g: GraphBuilder, x: Value, inputs: number, part: LinearPart, bias = false): Value {
  return mergedLinear(g, x, inputs, [part], bias);
}

/** Several linear layers of one input as a single product: their outputs are concatenated in the order of `parts`. */
export function mergedLinear(
  g: GraphBuilder,
  x: Value,
  inputs: number,
  parts: readonly LinearPart[],
  bias = false,
): Value {
  const weights = parts.map((part) => g.weight(`${part.name}.weight`, [part.outputs, inputs]));
  const biases = bias ? parts.map((part) => g.weight(`${part.name}.bias`, [part.outputs])) : [];
  const operands = [x, concat(g, weights), ...(bias ? [concat(g, biases)] : [])];
  return g.node('Gemm', operands, { attributes: { transB: 1 } });
}

/** Concatenation of weights along their first axis; folded when the session is created. */
function concat(g: GraphBuilder, values: readonly Value[]): Value {
  return values.length === 1 ? (values[0] as Value) : g.node('Concat', values, { attributes: { axis: 0 } });
}

/** x / rms(x) · weight, over the last axis. */
export function rmsNorm(g: GraphBuilder, x: Value, weight: Value, epsilon: number): Value {
  return g.node('SimplifiedLayerNormalization', [x, weight], {
    attributes: { axis: -1, epsilon: { float: epsilon }, stash_type: 1 },
  });
}

/** Residual addition and the norm that follows it, in one pass. */
export function addRmsNorm(
  g: GraphBuilder,
  x: Value,
  residual: Value,
  weight: Value,
  epsilon: number,
): { normed: Value; residual: Value } {
  const normed = `${weight}:normed`;
  const sum = `${weight}:residual`;
  g.namedNode('SkipSimplifiedLayerNormalization', [x, residual, weight], [normed, '', '', sum], {
    domain: 'com.microsoft',
    attributes: { epsilon: { float: epsilon } },
  });
  return { normed, residual: sum };
}

/** silu(gate(x)) · up(x), projected down: the MLP of the Llama line. */
export function gatedMlp(
  g: GraphBuilder,
  x: Value,
  prefix: string,
  sizes: { hidden: number; intermediate: number },
  bias: boolean,
): Value {
  const { hidden, intermediate } = sizes;
  const gate = linear(g, x, hidden, { name: `${prefix}.gate_proj`, outputs: intermediate }, bias);
  const up = linear(g, x, hidden, { name: `${prefix}.up_proj`, outputs: intermediate }, bias);
  const silu = g.node('Mul', [gate, g.node('Sigmoid', [gate])]);
  return linear(
    g,
    g.node('Mul', [silu, up]),
    intermediate,
    { name: `${prefix}.down_proj`, outputs: hidden },
    bias,
  );
}
