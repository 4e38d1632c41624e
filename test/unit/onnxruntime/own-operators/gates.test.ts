import { GraphBuilder } from '../../../../src/models/graph/graph-builder';
import { IoBinding } from '../../../../src/onnxruntime/io-binding';
import { Session } from '../../../../src/onnxruntime/session';
import { Tensor } from '../../../../src/onnxruntime/tensor';
import { turnInputs } from '../../../../src/checkpoint/quantization/turning';
import { noWeights } from '../no-weights';
import { here, use, KERNELS, random, floats, SETTINGS } from './support';

here.each(KERNELS)('a gated MLP with kernels %i', (level) => {
  beforeAll(() => void use(level));
  afterAll(() => void use(5));

  it.each([
    [48, 1],
    [96, 16],
    [192, 64],
    [512, 256],
  ])('of %i numbers a row comes turned in blocks of %i', async (width, block) => {
    const rows = 6;
    const g = new GraphBuilder(noWeights, null, 'float32', { ownOperators: true });
    const [bytes, scales] = g.nodes(
      'GatedRows',
      [g.input('product', 'float32', ['n', 2 * width]), g.input('scale', 'float32', ['n', 1])],
      { domain: 'sglang', attributes: { block }, outputs: 2 },
    );
    g.output('bytes', bytes as string, 'uint8', ['n', width]);
    g.output('scales', scales as string, 'float32', ['n', 1]);
    const session = await Session.create(g.build(), SETTINGS);
    const next = random(width);
    const [product, scale] = [floats(rows * 2 * width, next, 300), floats(rows, next, 0.02)];
    const [found, foundScales] = [new Uint8Array(rows * width), new Float32Array(rows)];
    const binding = new IoBinding(session);
    binding.bindInput('product', Tensor.over('float32', product, [rows, 2 * width]));
    binding.bindInput('scale', Tensor.over('float32', scale, [rows, 1]));
    binding.bindOutput('bytes', Tensor.over('uint8', found, [rows, width]));
    binding.bindOutput('scales', Tensor.over('float32', foundScales, [rows, 1]));
    await binding.run();
    for (let row = 0; row < rows; row++) {
      const at = (i: number) => (product[row * 2 * width + i] ?? NaN) * (scale[row] ?? NaN);
      const inner = Float32Array.from(
        { length: width },
        (_, i) => (at(i) / (1 + Math.exp(-at(i)))) * at(width + i),
      );
      if (block > 1) turnInputs(inner, block);
      const step = Math.max(...inner.map(Math.abs)) / 127;
      expect((foundScales[row] ?? NaN) / step).toBeCloseTo(1, 4);
      inner.forEach((value, i) => {
        expect(Math.abs((found[row * width + i] ?? NaN) - 128 - value / step)).toBeLessThan(0.51);
      });
    }
    binding.dispose();
    session.dispose();
  });
});
