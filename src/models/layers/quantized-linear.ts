import type { BlockedForm, Int8Form, WeightForm } from '../../checkpoint/quantization/quantized-weight';
import type { GraphBuilder, QuantizedValues, Value } from '../graph/graph-builder';
import { biasOf, shareRows, type LinearMethod, type Projection } from './linear-method';
import type { Turn } from './rotation';

/** Where a method's weights come from: rounded when they are loaded, or from a checkpoint that has them in few bits. */
export type WeightsOf = (g: GraphBuilder, projection: Projection) => QuantizedValues;

/** What form a product's weights are to have. */
export type FormOf = (g: GraphBuilder, projection: Projection) => WeightForm;

/**
 * Weights in int8 with a scale for each output, inputs in 8 bits with a scale for each token: sums are whole numbers, so a token's
 * result has the same bits in any batch.
 *
 * Inputs are uint8 around 128, because the products of unsigned with signed numbers are the fast ones.
 */
export function int8Products(weightsOf: WeightsOf): LinearMethod {
  /** @returns [rows, outputs], without the scales of the rows and the bias where `rest` leaves them out */
  const product = (g: GraphBuilder, rows: Value, projection: Projection, rest: readonly Value[] = []): Value => {
    const { values, scales, zeros } = weightsOf(g, projection);
    if (zeros !== '') return g.node('QuantizedProduct', [rows, values, scales, zeros, ...rest], { domain: 'sglang' });
    const one = g.floats('scale.one', [], Float32Array.of(1));
    const zero = g.bytes('byte.128', [], Uint8Array.of(128));
    const sums = g.node('MatMulIntegerToFloat', [rows, values, one, scales, zero], { domain: 'com.microsoft' });
    const [rowScale, bias] = rest;
    const scaled = rowScale === undefined ? sums : g.node('Mul', [sums, rowScale]);
    return bias === undefined ? scaled : g.node('Add', [scaled, bias]);
  };
  /** Products of rows that are shared out, without the scales of the rows. */
  const share = (g: GraphBuilder, rows: Value, counts: Value, projections: readonly Projection[]): Value =>
    shareRows(g, rows, (projections[0] as Projection).inputs, counts, projections, (slice, projection) =>
      product(g, slice, projection),
    );
  return {
    isForCpu: true,

    apply(g, x, projection) {
      const { rows, scale } = quantizedRows(g, x, projection.inputs);
      return product(g, rows, projection, projection.bias ? [scale, biasOf(g, projection)] : [scale]);
    },

    normed(g, { x, residual, weight, epsilon }) {
      if (!g.hasOwnOperators) return null;
      const [normed, sum, rows, scale] = g.nodes('NormedRows', [x, residual, weight], {
        domain: 'sglang',
        attributes: { epsilon: { float: epsilon } },
        outputs: 4,
      }) as [Value, Value, Value, Value];
      g.memo(rowsOf(normed), () => ({ rows, scale }));
      return { normed, residual: sum };
    },

    gated(g, x, projection, block) {
      if (!hasGate(g, projection)) return null;
      const { rows, scale } = quantizedRows(g, x, projection.inputs);
      return gatedRows(g, product(g, rows, projection), scale, block);
    },

    gatedEach(g, x, counts, projections, block) {
      const [first] = projections as readonly [Projection];
      if (!hasGate(g, first)) return null;
      const { rows, scale } = quantizedRows(g, x, first.inputs);
      return gatedRows(g, share(g, rows, counts, projections), scale, block);
    },

    applyEach(g, x, counts, projections) {
      const { rows, scale } = quantizedRows(g, x, (projections[0] as Projection).inputs);
      return g.node('Mul', [share(g, rows, counts, projections), scale]);
    },
  };
}

/** Weights in blocks of inputs, each with a scale; a CPU multiplies them with inputs in 8 bits, block by block, devices with floats. */
export function blockProducts({ bits, block, offset }: BlockedForm, weightsOf: WeightsOf): LinearMethod {
  const product = (g: GraphBuilder, x: Value, projection: Projection): Value => {
    const { values, scales, zeros } = weightsOf(g, projection);
    const bias = projection.bias ? biasOf(g, projection) : null;
    const addsBias = bias !== null && !g.floatInputs;
    const rest = addsBias ? [zeros, '', bias] : zeros === '' ? [] : [zeros];
    const products = g.node('MatMulNBits', [x, values, narrowed(g, scales), ...rest], {
      domain: 'com.microsoft',
      attributes: {
        K: projection.inputs,
        N: outputsOf(projection),
        bits,
        block_size: block,
        ...(g.floatInputs ? {} : { accuracy_level: INT8_INPUTS }),
      },
    });
    // Not every device's kernel has an input for it.
    return bias === null || addsBias ? products : g.node('Add', [products, bias]);
  };
  const scaled: LinearMethod = {
    apply: product,
    applyEach: (g, x, counts, projections) =>
      shareRows(g, x, (projections[0] as Projection).inputs, counts, projections, (slice, projection) =>
        product(g, slice, projection),
      ),
  };
  if (offset !== 'minimums') return scaled;
  return {
    apply(g, x, projection) {
      const sums = blockSums(g, x, projection.inputs, block);
      const { minimums } = weightsOf(g, projection);
      return g.node('Gemm', [sums, narrowed(g, minimums), product(g, x, projection)], { attributes: { transB: 1 } });
    },
    applyEach(g, x, counts, projections) {
      const { inputs } = projections[0] as Projection;
      const sums = blockSums(g, x, inputs, block);
      const least = shareRows(g, sums, inputs / block, counts, projections, (slice, projection) =>
        g.node('FusedMatMul', [slice, narrowed(g, weightsOf(g, projection).minimums)], {
          domain: 'com.microsoft',
          attributes: { transB: 1 },
        }),
      );
      return g.node('Add', [scaled.applyEach(g, x, counts, projections), least]);
    },
  };
}

/** Scales or minimums in the type of the graph, which ONNX Runtime folds when the session is created. */
function narrowed(g: GraphBuilder, values: Value): Value {
  return g.memo(`${values}:narrow`, () => g.narrow(values));
}

/** What the minimum of a block is multiplied with: the sum of its inputs, as they are. @returns [rows, blocks] */
function blockSums(g: GraphBuilder, x: Value, inputs: number, block: number): Value {
  return g.memo(`${x}:sums of ${block}`, () => {
    const count = inputs / block;
    const blocks = g.node('Reshape', [x, g.ints(`shape.blocks.${count}.${block}`, [-1, count, block])]);
    const sums = g.node('ReduceSum', [blocks, g.ints('last', [-1])], { attributes: { keepdims: 0 } });
    // Of no rows ONNX Runtime's sums have the shape of what they are sums of.
    return g.node('Reshape', [sums, g.ints(`shape.rows.${count}`, [-1, count])]);
  });
}

/** The accuracy level of `MatMulNBits` that rounds inputs to 8 bits. */
const INT8_INPUTS = 4;

/** Inputs that the operator `QuantizedProduct` computes (`native/kernels.h`). */
const PRODUCT = { multipleOf: 4, most: 65_536 };

/** How the weights of a product of 8 bits should lie, for what computes it. */
export function int8Form(g: GraphBuilder, { inputs }: Projection): Int8Form {
  return { kind: g.hasOwnProducts && inputs % PRODUCT.multipleOf === 0 && inputs <= PRODUCT.most ? 'int8_panels' : 'int8_columns' };
}

/** `int8Products` of weights that are rounded when they are loaded. */
export const w8a8Int8: LinearMethod = {
  ...int8Products(rounded(int8Form, null)),
  turned: (turn) => int8Products(rounded(int8Form, turn)),
};

/** `blockProducts` of weights that are rounded to 4 bits when they are loaded. */
export function int4Weights(block: number): LinearMethod {
  const form: BlockedForm = { kind: 'blocks', bits: 4, block, offset: 'none' };
  return blockProducts(form, rounded(() => form, null));
}

function rounded(formOf: FormOf, turn: Turn | null): WeightsOf {
  return (g, projection) => {
    const { parts, inputs } = projection;
    const name = parts.map((part) => `${part.name}.weight`).join('+');
    return g.quantizedWeight(name, formOf(g, projection), (stored) => ({
      layout: 'floats',
      turn: turn && { ...turn, scale: turn.scale && { tensor: stored(turn.scale.weight), offset: turn.scale.offset } },
      parts: parts.map((part) => stored({ name: `${part.name}.weight`, shape: [part.outputs, inputs] })),
    }));
  };
}

/** Widths that the operator `GatedRows` computes (`native/kernels.h`). */
const GATED = { multipleOf: 16, longest: 32_768 };

/** Whether `GatedRows` computes what a product of gate and up gives. */
function hasGate(g: GraphBuilder, projection: Projection): boolean {
  const width = outputsOf(projection) / 2;
  return g.hasOwnOperators && !projection.bias && width % GATED.multipleOf === 0 && width <= GATED.longest;
}

/**
 * silu(gate) · up in 8 bits, each block of it turned.
 * @param products [rows, 2 · width], gate and up, without the scales of the rows
 * @param scale [rows, 1]
 */
function gatedRows(g: GraphBuilder, products: Value, scale: Value, block: number): Value {
  const [rows, rowScale] = g.nodes('GatedRows', [products, scale], {
    domain: 'sglang',
    attributes: { block },
    outputs: 2,
  }) as [Value, Value];
  g.memo(rowsOf(rows), () => ({ rows, scale: rowScale }));
  return rows;
}

function outputsOf({ parts }: Projection): number {
  return parts.reduce((sum, { outputs }) => sum + outputs, 0);
}

/** Under which a value's rows in 8 bits are kept. */
const rowsOf = (x: Value) => `${x}:quantized rows`;

/** Rows in 8 bits. */
interface QuantizedRows {
  /** [rows, width] uint8 */
  readonly rows: Value;
  /** [rows, 1] */
  readonly scale: Value;
}

/**
 * A row is one block to `QuantizeLinear`, whose kernel for blocks does all rows at once.
 * @param x [rows, width]
 */
function quantizedRows(g: GraphBuilder, x: Value, width: number): QuantizedRows {
  return g.memo(rowsOf(x), () => {
    if (g.hasOwnOperators) {
      const [rows, scale] = g.nodes('QuantizeRows', [x], { domain: 'sglang', outputs: 2 }) as [Value, Value];
      return { rows, scale };
    }
    // The scale of a row of zeros is zero. Whatever its quotients become, the scale makes zeros of their product.
    // Two extremes are found faster than the largest of all magnitudes, which would have to be written down first.
    const [high, low] = ['ReduceMax', 'ReduceMin'].map((extreme) =>
      g.node(extreme, [x, g.ints('last', [-1])], { attributes: { keepdims: 1 } }),
    ) as [Value, Value];
    const largest = g.node('Max', [high, g.node('Neg', [low])]);
    const scale = g.node('Mul', [largest, g.floats('one.127th', [], Float32Array.of(1 / 127))]);
    const zeros = g.node('Expand', [g.bytes('byte.128', [], Uint8Array.of(128)), g.node('Shape', [scale])]);
    const attributes = { axis: 1, block_size: width };
    return { rows: g.node('QuantizeLinear', [x, scale, zeros], { attributes }), scale };
  });
}
