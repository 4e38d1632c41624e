import { GraphBuilder } from '../../../../src/models/graph/graph-builder';
import { IoBinding } from '../../../../src/onnxruntime/io-binding';
import { Session } from '../../../../src/onnxruntime/session';
import { Tensor } from '../../../../src/onnxruntime/tensor';
import { intoPanels } from '../../../../src/checkpoint/quantization/rounding';
import { noWeights } from '../no-weights';
import { use, KERNELS, random, floats, SETTINGS } from './support';

const multiply = KERNELS.includes(5) ? describe : describe.skip;

multiply('products of bytes', () => {
  beforeAll(() => void use(5));

  const panelsOf = (weights: Int8Array, depth: number, width: number) => {
    const values = new Uint8Array(Math.ceil(width / 64) * depth * 64);
    const zeros = new Int32Array(width);
    intoPanels({ values: weights, inputs: depth, first: 0 }, values, zeros);
    return { values: new Int8Array(values.buffer), zeros };
  };

  async function product(
    rows: number,
    depth: number,
    width: number,
    { hasRowScales = true, hasBias = true, panels = Math.ceil(width / 64) } = {},
  ) {
    const next = random(rows * 7 + width);
    const x = Uint8Array.from({ length: rows * depth }, () => Math.floor((next() + 1) * 128) & 255);
    const weights = Int8Array.from({ length: width * depth }, () => Math.floor(next() * 127));
    const scales = floats(width, next);
    const rowScales = floats(rows, next);
    const bias = floats(width, next, 1000);
    const { values, zeros } = panelsOf(weights, depth, width);
    const g = new GraphBuilder(noWeights, null, 'float32', { ownOperators: true });
    const inputs = [
      g.input('x', 'uint8', ['rows', depth]),
      g.input('weights', 'int8', [panels, depth / 4, 64, 4]),
      g.input('scales', 'float32', [width]),
      g.input('zeros', 'int32', [width]),
      hasRowScales ? g.input('row_scales', 'float32', ['rows', 1]) : '',
      hasBias ? g.input('bias', 'float32', [width]) : '',
    ];
    g.output('out', g.node('QuantizedProduct', inputs, { domain: 'sglang' }), 'float32', ['rows', width]);
    const session = await Session.create(g.build(), SETTINGS);
    const binding = new IoBinding(session);
    const out = new Float32Array(rows * width);
    const tensors = [
      ['x', Tensor.over('uint8', x, [rows, depth])],
      ['weights', Tensor.over('int8', values.subarray(0, panels * depth * 64), [panels, depth / 4, 64, 4])],
      ['scales', Tensor.over('float32', scales, [width])],
      ['zeros', Tensor.over('int32', zeros, [width])],
      ['row_scales', Tensor.over('float32', rowScales, [rows, 1])],
      ['bias', Tensor.over('float32', bias, [width])],
    ] as const;
    for (const [name, tensor] of tensors) if (session.takes(name)) binding.bindInput(name, tensor);
    binding.bindOutput('out', Tensor.over('float32', out, [rows, width]));
    try {
      await binding.run();
    } finally {
      binding.dispose();
      session.dispose();
    }
    const expected = Float64Array.from(out, (_, i) => {
      const [row, column] = [Math.floor(i / width), i % width];
      let sum = 0;
      for (let k = 0; k < depth; k++)
        sum += ((x[row * depth + k] ?? NaN) - 128) * (weights[column * depth + k] ?? NaN);
      return (
        sum * (scales[column] ?? NaN) * (hasRowScales ? (rowScales[row] ?? NaN) : 1) +
        (hasBias ? (bias[column] ?? NaN) : 0)
      );
    });
    return { out, expected };
  }

  it.each([
    [1, 4, 1],
    [1, 256, 64],
    [2, 64, 65],
    [5, 12, 130],
    [6, 128, 48],
    [7, 36, 16],
    [13, 8, 63],
    [97, 20, 200],
    [200, 16, 70],
    [3, 32, 64 * 70 + 5],
  ])('of %i rows of %i with %i columns are sums of whole numbers', async (rows, depth, width) => {
    for (const options of [
      {},
      { hasRowScales: false },
      { hasBias: false },
      { hasRowScales: false, hasBias: false },
    ]) {
      const { out, expected } = await product(rows, depth, width, options);
      const worst = expected.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (out[i] ?? NaN)) / (1000 + Math.abs(value))),
        0,
      );
      expect(worst).toBeLessThan(5e-7);
    }
  });

  it('of largest numbers do not overflow', async () => {
    const depth = 32_768;
    const { values, zeros } = panelsOf(new Int8Array(depth).fill(-127), depth, 1);
    expect(zeros[0]).toBe(-127 * 128 * depth);
    expect(values.subarray(0, 4)).toEqual(new Int8Array(4).fill(-127));
    const { out, expected } = await product(2, depth, 3);
    expect(Math.abs((out[0] ?? NaN) / (expected[0] ?? NaN) - 1)).toBeLessThan(1e-6);
  });

  it('of no rows are none', async () => {
    expect((await product(0, 8, 8)).out).toHaveLength(0);
  });

  it('with weights that are too few are refused, and without the instruction', async () => {
    await expect(product(2, 8, 130, { panels: 2 })).rejects.toThrow('weights: [panels, depth / 4, 64, 4]');
    use(4);
    await expect(product(2, 8, 16)).rejects.toThrow('the processor does not multiply bytes');
    use(5);
  });
});
