import type { GraphBuilder, Value } from '../graph/graph-builder';
import type { Turn } from './rotation';

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
}

/** A residual addition and the norm that follows it. */
export interface NormedAddition {
  /** Of the norm. */
  readonly name: string;
  /** [tokens, width], as the residual. */
  readonly x: Value;
  readonly residual: Value;
  /** [width] */
  readonly weight: Value;
  readonly epsilon: number;
}

/** The sum, and what its norm makes of it: [tokens, width]. */
export interface NormedSum {
  readonly normed: Value;
  readonly residual: Value;
}

/**
 * How the weights of linear layers are stored and multiplied: as they are, or quantized in some way. Layers ask it for
 * every projection and know nothing of it.
 */
export interface LinearMethod {
  /** Whether its operators compute on a CPU only; left out: each device has kernels for them. */
  readonly isForCpu?: boolean;
  /** @param x [tokens, inputs]; the result is [tokens, sum of outputs] */
  apply(g: GraphBuilder, x: Value, projection: Projection): Value;
  /**
   * Rows that are shared out among projections of the same sizes, none of them with a bias: the first `counts[0]` rows go through
   * the first one, and so on.
   * @param x [rows, inputs]; the result is [rows, sum of outputs]
   * @param counts [projections]
   */
  applyEach(g: GraphBuilder, x: Value, counts: Value, projections: readonly Projection[]): Value;
  /**
   * silu(gate(x)) · up(x), each block of it turned, as a value that only `apply` of a method of the same kind takes. Left out by methods
   * that have no operator for it.
   * @param projection gate and up, side by side
   * @returns null where the operator does not do: the layer is written out then
   */
  readonly gated?: (g: GraphBuilder, x: Value, projection: Projection, block: number) => Value | null;
  /** `gated` for rows that are shared out among projections as `applyEach` does it. */
  readonly gatedEach?: (
    g: GraphBuilder,
    x: Value,
    counts: Value,
    projections: readonly Projection[],
    block: number,
  ) => Value | null;
  /**
   * `addRmsNorm` for a sum that only this method's projections read, with what they make of their input. Left out by methods that have
   * no operator for it.
   * @returns null where the operator does not do
   */
  readonly normed?: (g: GraphBuilder, addition: NormedAddition) => NormedSum | null;
  /** The same for weights that are turned when they are quantized; left out by methods that gain nothing from a rotation. */
  readonly turned?: (turn: Turn) => LinearMethod;
}

/** Weights in a floating-point type, multiplied in the type of the graph. */
export const unquantized: LinearMethod = {
  apply(g, x, projection) {
    const operands = [x, weightOf(g, projection), ...(projection.bias ? [biasOf(g, projection)] : [])];
    return g.node('Gemm', operands, { attributes: { transB: 1 } });
  },

  applyEach(g, x, counts, projections) {
    // The same product as Gemm's, of whose output the rank and the width are known whatever its input is: see `shareRows`.
    const { inputs } = projections[0] as Projection;
    return shareRows(g, x, inputs, counts, projections, (slice, projection) =>
      g.node('FusedMatMul', [slice, weightOf(g, projection)], { domain: 'com.microsoft', attributes: { transB: 1 } }),
    );
  },
};

function weightOf(g: GraphBuilder, { parts, inputs }: Projection): Value {
  return concat(
    g,
    parts.map((part) => g.weight(`${part.name}.weight`, [part.outputs, inputs])),
  );
}

/** [sum of outputs] */
export function biasOf(g: GraphBuilder, { parts }: Projection): Value {
  return concat(
    g,
    parts.map((part) => g.weight(`${part.name}.bias`, [part.outputs])),
  );
}

/** Concatenation of weights along their first axis; folded when the session is created. */
function concat(g: GraphBuilder, values: readonly Value[]): Value {
  return values.length === 1 ? (values[0] as Value) : g.node('Concat', values, { attributes: { axis: 0 } });
}

/**
 * Shares rows out among projections and puts the products one behind the other again.
 * @param x [rows, width]
 * @param product of a slice, which may be empty
 */
export function shareRows(
  g: GraphBuilder,
  x: Value,
  width: number,
  counts: Value,
  projections: readonly Projection[],
  product: (slice: Value, projection: Projection) => Value,
): Value {
  const [first] = projections as [Projection];
  if (projections.length === 1) return product(x, first);
  const slices = g.nodes('Split', [unshaped(g, x, width, counts), counts], {
    attributes: { axis: 0 },
    outputs: projections.length,
  });
  const products = projections.map((projection, at) => product(slices[at] as Value, projection));
  return g.node('Concat', products, { attributes: { axis: 0 } });
}

/**
 * The same value, of a shape that ONNX Runtime cannot know ahead. Else it would compare the shape of every slice and product with
 * every buffer that is free by then, in search of one to use again, and find none: most of the time that it takes to create a
 * session with many slices. For the same reason products of them are made by operators that tell nothing of their output's shape
 * where they know nothing of their input's.
 * @param counts [n], n at least 1
 */
function unshaped(g: GraphBuilder, x: Value, width: number, counts: Value): Value {
  // A slice that ends past the end of the vector is all of it, but nobody can tell before the run.
  const first = g.node('Slice', [counts, g.ints('zero.int', [0]), g.ints('one.int', [1])]);
  const past = g.node('Add', [first, g.ints('two.int', [2])]);
  const shape = g.node('Slice', [g.ints(`shape.rows.${width}`, [-1, width]), g.ints('zero.int', [0]), past]);
  return g.node('Reshape', [x, shape]);
}
