import { GraphBuilder } from '../../../../src/models/graph/graph-builder';
import { IoBinding } from '../../../../src/onnxruntime/io-binding';
import { Session } from '../../../../src/onnxruntime/session';
import { Tensor } from '../../../../src/onnxruntime/tensor';
import { noWeights } from '../no-weights';
import { here, use, KERNELS, random, floats, SETTINGS, worst } from './support';

here.each(KERNELS)('a norm of sums with kernels %i', (level) => {
  beforeAll(() => void use(level));
  afterAll(() => void use(5));

  it.each([
    [1, 9],
    [15, 3],
    [96, 40],
    [1003, 20],
  ])('of %i numbers comes as it is and in 8 bits, the same for a row as among %i', async (width, count) => {
    const g = new GraphBuilder(noWeights, null, 'float32', { ownOperators: true });
    const inputs = ['x', 'residual'].map((name) => g.input(name, 'float32', ['n', width]));
    const outputs = g.nodes('NormedRows', [...inputs, g.input('weight', 'float32', [width])], {
      domain: 'sglang',
      attributes: { epsilon: { float: 1e-5 } },
      outputs: 4,
    });
    (['normed', 'sum', 'rows', 'scales'] as const).forEach((name, at) =>
      g.output(name, outputs[at] as string, name === 'rows' ? 'uint8' : 'float32', [
        'n',
        name === 'scales' ? 1 : width,
      ]),
    );
    const session = await Session.create(g.build(), SETTINGS);
    const next = random(width);
    const [x, residual, weight] = [
      floats(count * width, next, 5),
      floats(count * width, next, 5),
      floats(width, next),
    ];
    const run = async (first: number, rows: number) => {
      const part = (values: Float32Array) => values.slice(first * width, (first + rows) * width);
      const found = {
        normed: new Float32Array(rows * width),
        sum: new Float32Array(rows * width),
        rows: new Uint8Array(rows * width),
        scales: new Float32Array(rows),
      };
      const binding = new IoBinding(session);
      binding.bindInput('x', Tensor.over('float32', part(x), [rows, width]));
      binding.bindInput('residual', Tensor.over('float32', part(residual), [rows, width]));
      binding.bindInput('weight', Tensor.over('float32', weight, [width]));
      for (const name of ['normed', 'sum'] as const)
        binding.bindOutput(name, Tensor.over('float32', found[name], [rows, width]));
      binding.bindOutput('rows', Tensor.over('uint8', found.rows, [rows, width]));
      binding.bindOutput('scales', Tensor.over('float32', found.scales, [rows, 1]));
      await binding.run();
      binding.dispose();
      return found;
    };
    const all = await run(0, count);
    for (let row = 0; row < count; row++) {
      const at = row * width;
      const sums = Array.from({ length: width }, (_, i) =>
        Math.fround((x[at + i] ?? NaN) + (residual[at + i] ?? NaN)),
      );
      const rms = Math.sqrt(sums.reduce((total, sum) => total + sum * sum, 0) / width + 1e-5);
      const expected = sums.map((sum, i) => (sum / rms) * (weight[i] ?? NaN));
      expect(Array.from(all.sum.subarray(at, at + width))).toEqual(sums);
      expect(worst(all.normed.subarray(at, at + width), expected)).toBeLessThan(1e-5);
      const most = Math.max(...expected.map(Math.abs));
      expect(all.scales[row]).toBeCloseTo(most / 127, 5);
      expect(
        worst(
          all.rows.subarray(at, at + width),
          expected.map((value) => 128 + (value / most) * 127),
        ),
      ).toBeLessThan(0.51);
      if (row % 7 !== 0) continue;
      const alone = await run(row, 1);
      expect(alone.normed).toEqual(all.normed.slice(at, at + width));
      expect(alone.rows).toEqual(all.rows.slice(at, at + width));
    }
    session.dispose();
  });

  it('of other shapes is refused', async () => {
    const g = new GraphBuilder(noWeights, null, 'float32', { ownOperators: true });
    const inputs = ['x', 'residual'].map((name) => g.input(name, 'float32', ['n', 16]));
    const [normed] = g.nodes('NormedRows', [...inputs, g.floats('weight', [8], new Float32Array(8))], {
      domain: 'sglang',
      attributes: { epsilon: { float: 1e-5 } },
      outputs: 4,
    });
    g.output('normed', normed as string, 'float32', ['n', 16]);
    const session = await Session.create(g.build(), SETTINGS);
    const binding = new IoBinding(session);
    for (const name of ['x', 'residual'])
      binding.bindInput(name, Tensor.over('float32', new Float32Array(16), [1, 16]));
    binding.bindOutput('normed', Tensor.over('float32', new Float32Array(16), [1, 16]));
    await expect(binding.run()).rejects.toThrow('weight: [width]');
    binding.dispose();
    session.dispose();
  });
});
