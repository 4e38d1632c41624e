import type { GraphBuilder, Turn, Value } from '../graph/graph-builder';
import { biasOf, shareRows, type LinearMethod, type Projection } from './linear-method';

/**
 * Weights in int8 with a scale for each output, inputs in 8 bits with a scale for each token: sums are whole numbers, so a token's
 * result has the same bits in any batch.
 *
 * Inputs are uint8 around 128, because the products of unsigned with signed numbers are the fast ones.
 */
export const w8a8Int8: LinearMethod = { ...int8Method(null), turned: int8Method };

function int8Method(turn: Turn | null): LinearMethod {
  return {
    apply(g, x, projection) {
      const { rows, scale } = quantizedRows(g, x);
      const product = g.node('Mul', [integerProduct(g, rows, projection, turn), scale]);
      return projection.bias ? g.node('Add', [product, biasOf(g, projection)]) : product;
    },

    applyEach(g, x, counts, projections) {
      const { rows, scale } = quantizedRows(g, x);
      const products = shareRows(g, rows, counts, projections, (slice, projection) =>
        integerProduct(g, slice, projection, turn),
      );
      return g.node('Mul', [products, scale]);
    },
  };
}

/** Weights in 4 bits with a scale for each block of inputs; ONNX Runtime multiplies them with inputs in 8 bits, block by block. */
export function int4Weights(block: number): LinearMethod {
  const product = (g: GraphBuilder, x: Value, projection: Projection): Value => {
    const { values, scales } = g.quantizedWeight({ kind: 'int4_blocks', block }, weightsOf(projection));
    const outputs = projection.parts.reduce((sum, part) => sum + part.outputs, 0);
    return g.node('MatMulNBits', [x, values, scales, ...(projection.bias ? ['', '', biasOf(g, projection)] : [])], {
      domain: 'com.microsoft',
      attributes: { K: projection.inputs, N: outputs, bits: 4, block_size: block, accuracy_level: INT8_INPUTS },
    });
  };
  return {
    apply: product,
    applyEach: (g, x, counts, projections) =>
      shareRows(g, x, counts, projections, (slice, projection) => product(g, slice, projection)),
  };
}

/** The accuracy level of `MatMulNBits` that rounds inputs to 8 bits. */
const INT8_INPUTS = 4;

/** Rows in 8 bits. */
interface QuantizedRows {
  /** [rows, width] uint8 */
  readonly rows: Value;
  /** [rows, 1] */
  readonly scale: Value;
}

/** @param x [rows, width] */
function quantizedRows(g: GraphBuilder, x: Value): QuantizedRows {
  return g.memo(`${x}:quantized rows`, () => {
    // The scale of a row of zeros is zero. Whatever its quotients become, the scale makes zeros of their product.
    const largest = g.node('ReduceMax', [g.node('Abs', [x]), g.ints('last', [-1])], { attributes: { keepdims: 1 } });
    const scale = g.node('Mul', [largest, g.floats('one.127th', [], Float32Array.of(1 / 127))]);
    const scales = g.node('Squeeze', [scale, g.ints('last', [-1])]);
    const zeros = g.node('Expand', [g.bytes('byte.128', [], Uint8Array.of(128)), g.node('Shape', [scales])]);
    return { rows: g.node('QuantizeLinear', [x, scales, zeros], { attributes: { axis: 0 } }), scale };
  });
}

/** @returns [rows, outputs], to be multiplied with the scales of the rows */
function integerProduct(g: GraphBuilder, rows: Value, projection: Projection, turn: Turn | null): Value {
  const { values, scales } = g.quantizedWeight({ kind: 'int8_columns' }, weightsOf(projection), turn);
  const one = g.floats('scale.one', [], Float32Array.of(1));
  const zero = g.bytes('byte.128', [], Uint8Array.of(128));
  return g.node('MatMulIntegerToFloat', [rows, values, one, scales, zero], { domain: 'com.microsoft' });
}

function weightsOf({ parts, inputs }: Projection) {
  return parts.map(({ name, outputs }) => ({ name: `${name}.weight`, shape: [outputs, inputs] }));
}
