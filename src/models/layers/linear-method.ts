import type { GraphBuilder, Value } from '../graph/graph-builder';

/** One or several projections of the same input, side by side in the output. Weights are [out, in], as torch stores them. */
export interface LinearPart {
  /** Of the tensors `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  readonly outputs: number;
}

/** Several linear layers of one input as a single product. */
export interface Projection {
  readonly inputs: number;
  /** Outputs are concatenated in this order. */
  readonly parts: readonly LinearPart[];
  readonly bias: boolean;
  /** Asks for an operator that tells nothing of its output's shape where it knows nothing of its input's; only without bias. */
  readonly shapeless?: boolean;
}

/**
 * How the weights of linear layers are stored and multiplied: as they are, or quantized in some way. Layers ask it for
 * every projection and know nothing of it.
 */
export interface LinearMethod {
  /** @param x [tokens, inputs]; the result is [tokens, sum of outputs] */
  apply(g: GraphBuilder, x: Value, projection: Projection): Value;
}

/** Weights in a floating-point type, multiplied in float32. */
export const unquantized: LinearMethod = {
  apply(g, x, { inputs, parts, bias, shapeless = false }) {
    const weights = parts.map((part) => g.weight(`${part.name}.weight`, [part.outputs, inputs]));
    const biases = bias ? parts.map((part) => g.weight(`${part.name}.bias`, [part.outputs])) : [];
    const operands = [x, concat(g, weights), ...(bias ? [concat(g, biases)] : [])];
    const attributes = { transB: 1 };
    // The same product. Of Gemm's output the rank and the width are known, whatever its input is.
    if (shapeless && !bias) return g.node('FusedMatMul', operands, { domain: 'com.microsoft', attributes });
    return g.node('Gemm', operands, { attributes });
  },
};

/** Concatenation of weights along their first axis; folded when the session is created. */
function concat(g: GraphBuilder, values: readonly Value[]): Value {
  return values.length === 1 ? (values[0] as Value) : g.node('Concat', values, { attributes: { axis: 0 } });
}
