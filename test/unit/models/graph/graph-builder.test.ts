import { StartupError } from '../../../../src/core/errors';
import { GraphBuilder } from '../../../../src/models/graph/graph-builder';
import { addRmsNorm, gatedMlp, rmsNorm } from '../../../../src/models/layers/layers';
import { unquantized } from '../../../../src/models/layers/linear-method';
import { IoBinding } from '../../../../src/onnxruntime/io-binding';
import { Session } from '../../../../src/onnxruntime/session';
import { Tensor, pinnedFloat32 } from '../../../../src/onnxruntime/tensor';
import type { TensorRef, WeightSource } from '../../../../src/checkpoint/checkpoint';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Float32 weights in a file, as a checkpoint would have them. */
class FileWeights implements WeightSource {
  readonly folder = mkdtempSync(join(tmpdir(), 'graph-test-'));
  readonly files = [join(this.folder, 'weights.bin')];
  private readonly tensors = new Map<string, TensorRef>();

  constructor(values: Readonly<Record<string, { shape: readonly number[]; data: readonly number[] }>>) {
    const file = this.files[0] as string;
    // An odd offset, as safetensors headers give.
    const parts: Buffer[] = [Buffer.alloc(3)];
    let offset = 3;
    for (const [name, { shape, data }] of Object.entries(values)) {
      const bytes = Buffer.from(Float32Array.from(data).buffer);
      this.tensors.set(name, { name, dtype: 'F32', shape, file, offset, byteLength: bytes.length });
      parts.push(bytes);
      offset += bytes.length;
    }
    writeFileSync(file, Buffer.concat(parts));
  }

  get(name: string): TensorRef {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new StartupError(`tensor '${name}' is missing`);
    return tensor;
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Runs a graph of one float32 input `x` and one output `y`. */
async function run(
  g: GraphBuilder,
  x: readonly number[],
  xDims: number[],
  yDims: number[],
): Promise<number[]> {
  const settings = { intraOpThreads: 1, externalDataFolder: g.externalDataFolder, provider: null };
  const session = await Session.create(g.build(), settings);
  const binding = new IoBinding(session);
  const input = pinnedFloat32(x.length);
  input.set(x);
  const output = pinnedFloat32(yDims.reduce((a, b) => a * b, 1));
  const tensors = [Tensor.over('float32', input, xDims), Tensor.over('float32', output, yDims)] as const;
  binding.bindInput('x', tensors[0]);
  binding.bindOutput('y', tensors[1]);
  await binding.run();
  binding.dispose();
  for (const tensor of tensors) tensor.dispose();
  session.dispose();
  return [...output];
}

const close = (actual: readonly number[], expected: readonly number[]) => {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(actual[i]).toBeCloseTo(value, 5));
};

describe('layers compute what their torch originals do', () => {
  let weights: FileWeights;
  afterEach(() => weights.close());

  it('merged linear layers, with biases, from weights at odd offsets', async () => {
    weights = new FileWeights({
      'a.weight': { shape: [1, 2], data: [1, 2] },
      'a.bias': { shape: [1], data: [0.5] },
      'b.weight': { shape: [2, 2], data: [3, 4, 5, 6] },
      'b.bias': { shape: [2], data: [-1, 1] },
    });
    const g = new GraphBuilder(weights);
    const x = g.input('x', 'float32', ['n', 2]);
    const parts = [
      { name: 'a', outputs: 1 },
      { name: 'b', outputs: 2 },
    ];
    g.output('y', unquantized.apply(g, x, { inputs: 2, parts, bias: true }), 'float32', ['n', 3]);
    close(await run(g, [1, 1, 2, 0], [2, 2], [2, 3]), [3.5, 6, 12, 2.5, 5, 11]);
  });

  it('RMS norm, alone and with the residual', async () => {
    weights = new FileWeights({ 'norm.weight': { shape: [2], data: [1, 2] } });
    const g = new GraphBuilder(weights);
    const x = g.input('x', 'float32', ['n', 2]);
    const weight = g.weight('norm.weight', [2]);
    const plain = rmsNorm(g, x, weight, 1e-6);
    const { normed, residual } = addRmsNorm(g, { name: 'norm', x, residual: x, weight, epsilon: 1e-6 });
    g.output('y', g.node('Concat', [plain, normed, residual], { attributes: { axis: 1 } }), 'float32', [
      'n',
      6,
    ]);
    const rms = Math.sqrt((9 + 16) / 2);
    close(await run(g, [3, 4], [1, 2], [1, 6]), [3 / rms, 8 / rms, 3 / rms, 8 / rms, 6, 8]);
  });

  it('the gated MLP', async () => {
    weights = new FileWeights({
      'mlp.gate_proj.weight': { shape: [1, 1], data: [2] },
      'mlp.up_proj.weight': { shape: [1, 1], data: [3] },
      'mlp.down_proj.weight': { shape: [1, 1], data: [0.5] },
    });
    const g = new GraphBuilder(weights);
    const x = g.input('x', 'float32', ['n', 1]);
    const linear = unquantized;
    const writes = { linear, inner: () => ({ block: 1, linear }) };
    const input = { value: x, reads: linear, writes, plain: (rows: string) => rows };
    g.output('y', gatedMlp(g, input, 'mlp', { hidden: 1, intermediate: 1, activation: 'silu', bias: false, fused: false }), 'float32', ['n', 1]);
    const silu = 2 / (1 + Math.exp(-2));
    close(await run(g, [1], [1, 1], [1, 1]), [silu * 3 * 0.5]);
  });
});

it('adds a weight once, however often it is used', () => {
  const weights = new FileWeights({ w: { shape: [1], data: [1] } });
  const g = new GraphBuilder(weights);
  g.weight('w', [1]);
  const once = g.build().length;
  g.weight('w', [1]);
  expect(g.build().length).toBe(once);
  weights.close();
});

it('refuses element types without a cast', () => {
  const ref: TensorRef = { name: 'c', dtype: 'I64', shape: [1], file: '/one/c.bin', offset: 0, byteLength: 8 };
  const source = { get: () => ref } as Partial<WeightSource> as WeightSource;
  expect(() => new GraphBuilder(source).weight('c', [1])).toThrow(/unsupported type I64/);
});

it('takes weights from several folders', async () => {
  const [one, two] = [
    new FileWeights({ 'a.weight': { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] } }),
    new FileWeights({ 'b.weight': { shape: [1, 2], data: [10, 1] } }),
  ];
  const source: WeightSource = {
    files: [...one.files, ...two.files],
    get: (name) => (name === 'a.weight' ? one : two).get(name),
    close: () => undefined,
  };
  const g = new GraphBuilder(source);
  const x = g.input('x', 'float32', ['n', 3]);
  const hidden = unquantized.apply(g, x, { inputs: 3, parts: [{ name: 'a', outputs: 2 }], bias: false });
  const y = unquantized.apply(g, hidden, { inputs: 2, parts: [{ name: 'b', outputs: 1 }], bias: false });
  g.output('y', y, 'float32', ['n', 1]);
  close(await run(g, [1, 0, 2], [1, 3], [1, 1]), [(1 + 6) * 10 + (4 + 12)]);
  const made = g.externalDataFolder;
  expect([...source.files, made].every((file) => file?.startsWith(made ?? '?'))).toBe(true);
  one.close();
  two.close();
});
