import { join } from 'node:path';
import { openCheckpoint } from '../../../../src/checkpoint/checkpoint';
import { BLOCK_TYPES, blockForm, eachBlock, type BlockType } from '../../../../src/checkpoint/gguf/blocks';
import { toFloats } from '../../../../src/checkpoint/floats';
import { QuantizationPlan } from '../../../../src/checkpoint/quantization/quantization-plan';
import { QuantizedWeights } from '../../../../src/checkpoint/quantization/quantized-weights';
import { GraphBuilder, type QuantizedSource } from '../../../../src/models/graph/graph-builder';
import { ggufLinear } from '../../../../src/models/layers/gguf-linear';
import { IoBinding } from '../../../../src/onnxruntime/io-binding';
import type { ProviderOptions } from '../../../../src/onnxruntime/providers';
import { Session } from '../../../../src/onnxruntime/session';
import { Tensor } from '../../../../src/onnxruntime/tensor';
import { gguf, type Tensor as Stored } from '../../../gguf';
import { randomBlocks } from '../../../gguf-blocks';
import { Folders } from '../../checkpoint/folders';
import { describeOnWebGpu } from '../../../webgpu';

/** Products of every type of blocks, against sums in double precision of what the blocks stand for. */

const folders = new Folders();
afterAll(() => folders.removeAll());

const INPUTS = 512;
const OUTPUTS = 24;
const ROWS = 40;

function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

const PARTS = ['q', 'k', 'v'] as const;
const WIDTH = PARTS.length * OUTPUTS;
const nameOf = (part: string) => `blk.0.attn_${part}.weight`;

function fileOf(tensors: readonly Stored[]): string {
  const bytes = gguf({ metadata: { 'general.architecture': { text: 'qwen2' } }, tensors });
  return join(folders.create({ 'a.gguf': bytes }), 'a.gguf');
}

/** Runs a graph of the weights of a file. @returns its output `y` */
async function computed(
  file: string,
  build: (g: GraphBuilder) => void,
  input: Tensor,
  outputs: number,
  provider: ProviderOptions | null = null,
): Promise<Float32Array> {
  const source = openCheckpoint(file);
  const graphOf = (quantized: QuantizedSource) => {
    const g = new GraphBuilder(source, quantized, 'float32', { floatInputs: provider !== null });
    build(g);
    return g;
  };
  const plan = new QuantizationPlan();
  graphOf(plan);
  const weights = await QuantizedWeights.of(plan.weights, { cacheDir: null, threads: 0 });
  const graph = graphOf(weights);
  const model = graph.build();
  expect(Buffer.from(model).includes('BlockQuantized') || Buffer.from(model).includes('MatMulNBits')).toBe(true);
  const session = await Session.create(model, {
    intraOpThreads: 2,
    externalDataFolder: graph.externalDataFolder,
    provider,
  });
  weights.close();
  source.close();
  const rows = input.dims[0] ?? 0;
  const y = new Float32Array(rows * outputs);
  const binding = new IoBinding(session);
  binding.bindInput('x', input);
  binding.bindOutput('y', Tensor.over('float32', y, [rows, outputs]));
  await binding.run();
  binding.dispose();
  session.dispose();
  return y;
}

/**
 * What a row of a tensor stands for, and how far a product may be off for inputs that are rounded to 8 bits in groups, or for sums
 * in floats.
 */
function rowOf({ bytes, shape }: Stored, type: BlockType, row: number) {
  const rowBytes = bytes.length / (shape[0] ?? 1);
  const own = bytes.subarray(row * rowBytes, (row + 1) * rowBytes);
  const { group, middle } = blockForm(type);
  const scaled: number[] = [];
  eachBlock(type, own, ({ numbers, scales }) =>
    numbers.forEach((number, at) =>
      scaled.push(Math.abs((scales[Math.floor(at / group)] ?? NaN) * (number - middle))),
    ),
  );
  const error = (x: Float32Array): number => {
    let sum = 0;
    for (let from = 0; from < x.length; from += group) {
      const step = Math.max(...x.subarray(from, from + group).map(Math.abs)) / 127;
      sum += (step / 2) * scaled.slice(from, from + group).reduce((a, b) => a + b);
    }
    return sum * 1.01 + 1e-5;
  };
  const values = toFloats(type, own);
  const floatError = (x: Float32Array): number =>
    x.reduce((sum, value, at) => sum + Math.abs(value) * ((scaled[at] ?? NaN) + Math.abs(values[at] ?? NaN)), 0) * 1e-6;
  return { values, error, floatError };
}

const MIXES: readonly (readonly BlockType[])[] = [
  ...BLOCK_TYPES.map((type) => [type, type, type]),
  // Of one form, though of different types; and of forms that take two or three products.
  ['Q4_1', 'Q4_K', 'Q4_1'],
  ['Q4_K', 'Q4_K', 'Q6_K'],
  ['Q8_0', 'Q4_0', 'Q5_1'],
];

/** Three tensors side by side, with random inputs. */
function mixOf(types: readonly BlockType[], provider: ProviderOptions | null = null) {
  const next = random(7);
  const tensors = PARTS.map((part, at) =>
    randomBlocks(types[at] as BlockType, nameOf(part), [OUTPUTS, INPUTS], next),
  );
  const file = fileOf(tensors);
  const projection = {
    inputs: INPUTS,
    parts: PARTS.map((part) => ({ name: `model.layers.0.self_attn.${part}_proj`, outputs: OUTPUTS })),
    bias: false,
  };
  const product = (x: Float32Array) =>
    computed(
      file,
      (g) => {
        const y = ggufLinear.apply(g, g.input('x', 'float32', ['rows', INPUTS]), projection);
        g.output('y', y, 'float32', ['rows', WIDTH]);
      },
      Tensor.over('float32', x, [x.length / INPUTS, INPUTS]),
      WIDTH,
      provider,
    );
  const x = Float32Array.from({ length: ROWS * INPUTS }, () => next() * 2 - 1);
  return { tensors, product, x };
}

/** @param kind of the error that is allowed */
function expectProducts(
  y: Float32Array,
  x: Float32Array,
  tensors: readonly Stored[],
  types: readonly BlockType[],
  kind: 'error' | 'floatError',
): void {
  tensors.forEach((tensor, part) => {
    for (let output = 0; output < OUTPUTS; output++) {
      const { values, [kind]: error } = rowOf(tensor, types[part] as BlockType, output);
      for (let row = 0; row * INPUTS < x.length; row++) {
        const inputs = x.subarray(row * INPUTS, (row + 1) * INPUTS);
        const exact = inputs.reduce((sum, value, at) => sum + value * (values[at] ?? NaN), 0);
        const found = y[row * WIDTH + part * OUTPUTS + output] ?? NaN;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(error(inputs));
      }
    }
  });
}

it.each(MIXES)('multiplies %s, %s and %s, a row alone as in a batch', async (...types) => {
  const { tensors, product, x } = mixOf(types);
  const y = await product(x);
  expectProducts(y, x, tensors, types, 'error');
  for (const rows of [1, 3]) {
    expect(await product(x.slice(0, rows * INPUTS))).toEqual(y.slice(0, rows * WIDTH));
  }
});

/** Of 4 bits and 8, in groups of 16 and 32, with minimums and without. */
const MIXES_THERE = MIXES.filter((types) => ['Q4_1', 'Q6_K'].includes(types[0] ?? '') || new Set(types).size === 3);

describeOnWebGpu('on a device of WebGPU', () => {
  it.each(MIXES_THERE)('multiplies %s, %s and %s with floats', async (...types) => {
    const { tensors, product, x } = mixOf(types, { name: 'webgpu', hostNodes: [] });
    // Kernels differ for a row and for many.
    for (const rows of [1, ROWS]) {
      const some = x.slice(0, rows * INPUTS);
      expectProducts(await product(some), some, tensors, types, 'floatError');
    }
  });
});

it.each(BLOCK_TYPES)('gathers rows of %s as the file has them', async (type) => {
  const table = randomBlocks(type, 'token_embd.weight', [OUTPUTS, INPUTS], random(11));
  const ids = BigInt64Array.from([3n, 23n, 0n, 3n]);
  const found = await computed(
    fileOf([table]),
    (g) => {
      const rows = g.rowsOf(
        'model.embed_tokens.weight',
        [OUTPUTS, INPUTS],
        g.input('x', 'int64', ['rows']),
      );
      g.output('y', rows, 'float32', ['rows', INPUTS]);
    },
    Tensor.over('int64', ids, [ids.length]),
    INPUTS,
  );
  const expected = [...ids].flatMap((id) => [...rowOf(table, type, Number(id)).values]);
  expected.forEach((value, at) =>
    expect(Math.abs((found[at] ?? NaN) - value)).toBeLessThanOrEqual(1e-6 * Math.abs(value) + 1e-9),
  );
});
