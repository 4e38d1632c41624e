import fc from 'fast-check';
import { hadamard, turnInputs, turnOutputs } from '../../../../src/checkpoint/quantization/turning';

const size = fc.constantFrom(1, 2, 4, 16, 32);
const values = (count: number) =>
  fc
    .array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: count, maxLength: count })
    .map((list) => Float32Array.from(list));

/** [rows, width] · [width, width], the matrix in blocks of `block` along the diagonal. */
function multiply(rows: Float32Array, width: number, block: number): number[] {
  const matrix = hadamard(block);
  return Array.from(rows, (_, at) => {
    const [row, column] = [Math.floor(at / width), at % width];
    const from = column - (column % block);
    let sum = 0;
    for (let k = 0; k < block; k++) {
      sum += (rows[row * width + from + k] as number) * (matrix[k * block + (column % block)] as number);
    }
    return sum;
  });
}

function transposed(rows: ArrayLike<number>, width: number): Float32Array {
  const height = rows.length / width;
  return Float32Array.from(rows, (_, at) => rows[(at % height) * width + Math.floor(at / height)] as number);
}

const near = (actual: ArrayLike<number>, expected: ArrayLike<number>) => {
  expect(actual).toHaveLength(expected.length);
  Array.from(actual).forEach((value, at) => expect(value).toBeCloseTo(expected[at] as number, 4));
};

it('has rows of length 1 that are at right angles, of 1 and -1 alike', () => {
  for (const block of [1, 2, 16, 64]) {
    const matrix = hadamard(block);
    expect(new Set(Array.from(matrix, Math.abs)).size).toBe(1);
    const product = multiply(matrix, block, block);
    near(
      product,
      Array.from({ length: block * block }, (_, at) => (at % (block + 1) === 0 ? 1 : 0)),
    );
  }
});

const turnable = fc
  .record({ block: size, blocks: fc.integer({ min: 1, max: 3 }), rows: fc.integer({ min: 1, max: 4 }) })
  .chain(({ block, blocks, rows }) =>
    fc.record({
      block: fc.constant(block),
      width: fc.constant(block * blocks),
      matrix: values(rows * block * blocks),
    }),
  );

it('turns inputs as the product with the matrix does, and back', () => {
  fc.assert(
    fc.property(turnable, ({ block, width, matrix }) => {
      const once = matrix.slice();
      turnInputs(once, block);
      near(once, multiply(matrix, width, block));
      turnInputs(once, block);
      near(once, matrix);
    }),
  );
});

it('turns outputs as it turns the inputs of the transposed', () => {
  fc.assert(
    fc.property(turnable, ({ block, width, matrix }) => {
      const columns = transposed(matrix, width);
      const rows = matrix.length / width;
      turnOutputs(columns, rows, block);
      const expected = matrix.slice();
      turnInputs(expected, block);
      near(transposed(columns, rows), expected);
    }),
  );
});
