import { ownKernels } from '../../../../src/core/own-kernels';
import { GraphBuilder } from '../../../../src/models/graph/graph-builder';
import { IoBinding } from '../../../../src/onnxruntime/io-binding';
import { Session } from '../../../../src/onnxruntime/session';
import { Tensor } from '../../../../src/onnxruntime/tensor';
import { noWeights } from '../no-weights';
import { here, use, KERNELS, random, floats, SETTINGS } from './support';

here.each(KERNELS)('the largest number with kernels %i', (level) => {
  beforeAll(() => void use(level));
  afterAll(() => void use(5));

  it.each([1, 5, 16, 37, 1000])('of %i is the first of those, and none where one is NaN', (count) => {
    const row = floats(count, random(count));
    const find = () => ownKernels()?.largest(row, count);
    expect(find()).toBe(row.indexOf(Math.max(...row)));
    for (const at of [0, count >> 1, count - 1]) {
      const before = row[at] ?? NaN;
      row[at] = 3;
      row[count - 1] = 3;
      expect(find()).toBe(at);
      row[at] = NaN;
      expect(find()).toBe(-1);
      row[at] = before;
      row[count - 1] = 0;
    }
    expect(ownKernels()?.largest(row.fill(-Infinity), count)).toBe(-1);
    expect(ownKernels()?.largest(row, 0)).toBe(-1);
    row[count - 1] = Infinity;
    expect(find()).toBe(count - 1);
  });

  it('is found for each row of a graph', async () => {
    const [rows, width] = [11, 2000];
    const g = new GraphBuilder(noWeights, null, 'float32', { ownOperators: true });
    const found = g.node('LikeliestTokens', [g.input('logits', 'float32', ['n', width])], {
      domain: 'sglang',
    });
    g.output('tokens', found, 'int32', ['n']);
    const session = await Session.create(g.build(), SETTINGS);
    const logits = floats(rows * width, random(5));
    logits[3 * width + 7] = NaN;
    const tokens = new Int32Array(rows);
    const binding = new IoBinding(session);
    binding.bindInput('logits', Tensor.over('float32', logits, [rows, width]));
    binding.bindOutput('tokens', Tensor.over('int32', tokens, [rows]));
    await binding.run();
    tokens.forEach((token, row) => {
      const own = logits.subarray(row * width, (row + 1) * width);
      expect(token).toBe(row === 3 ? -1 : own.indexOf(Math.max(...own)));
    });
    binding.dispose();
    session.dispose();
  });
});
