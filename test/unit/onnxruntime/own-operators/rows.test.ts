import { GraphBuilder } from '../../../../src/models/graph/graph-builder';
import { IoBinding } from '../../../../src/onnxruntime/io-binding';
import { Session } from '../../../../src/onnxruntime/session';
import { Tensor } from '../../../../src/onnxruntime/tensor';
import { noWeights } from '../no-weights';
import { here, use, KERNELS, random, floats, SETTINGS } from './support';

here.each(KERNELS)('rounding to 8 bits with kernels %i', (level) => {
  beforeAll(() => void use(level));
  afterAll(() => void use(5));

  it.each([1, 15, 16, 64, 1003])('gives rows of %i numbers a scale each', async (width) => {
    const g = new GraphBuilder(noWeights, null, 'float32', { ownOperators: true });
    const [rows, scales] = g.nodes('QuantizeRows', [g.input('x', 'float32', ['n', width])], {
      domain: 'sglang',
      outputs: 2,
    });
    g.output('rows', rows as string, 'uint8', ['n', width]);
    g.output('scales', scales as string, 'float32', ['n', 1]);
    const session = await Session.create(g.build(), SETTINGS);
    const x = floats(9 * width, random(width), 5);
    x.fill(0, 2 * width, 3 * width);
    const [bytes, found] = [new Uint8Array(9 * width), new Float32Array(9)];
    const binding = new IoBinding(session);
    binding.bindInput('x', Tensor.over('float32', x, [9, width]));
    binding.bindOutput('rows', Tensor.over('uint8', bytes, [9, width]));
    binding.bindOutput('scales', Tensor.over('float32', found, [9, 1]));
    await binding.run();
    for (let row = 0; row < 9; row++) {
      const values = Array.from(x.subarray(row * width, (row + 1) * width));
      const most = Math.max(...values.map(Math.abs));
      expect(found[row]).toBeCloseTo(most / 127, 6);
      values.forEach((value, i) => {
        const exact = most === 0 ? 128 : 128 + (value / most) * 127;
        expect(Math.abs((bytes[row * width + i] ?? NaN) - exact)).toBeLessThan(0.501);
      });
    }
    binding.dispose();
    session.dispose();
  });
});
