import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint, type TensorRef } from '../../src/checkpoint/checkpoint';
import { readFloats, readSafetensors } from '../../src/checkpoint/safetensors';
import { entry, Folders, safetensors } from '../unit/checkpoint/folders';
import type { Backend } from '../../src/model-runner/backends/backend';
import { WebGpuBackend } from '../../src/model-runner/backends/webgpu/webgpu-backend';
import { PlayedCuda } from '../host-gpu';
import { describeOnWebGpu } from '../webgpu';
import { CHECKPOINTS, Engine, type Result } from './support';

/**
 * Checkpoints that are quantized already. Each is made here from a tiny one, after the descriptions of its layout, with a twin in float32 of the very
 * values that its bits stand for.
 */

const folders = new Folders();
process.env['SGLANG_CACHE_DIR'] = folders.create();
afterAll(() => folders.removeAll());

const SOURCE = join(CHECKPOINTS, 'random-qwen2');
const GROUP = 32;
const PROMPTS = [3, 9, 21, 40].map((length) =>
  Array.from({ length }, (_, at) => 3 + ((at * 17 + length) % 200)),
);

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const bytesOf = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const floats = (shape: readonly number[], values: Float32Array): Tensor => ({
  dtype: 'F32',
  shape,
  bytes: bytesOf(values),
});

/** A linear layer's tensors, and what they stand for. */
interface Packed {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly values: Float32Array;
}

type Pack = (name: string, weight: Float32Array, outputs: number, inputs: number) => Packed;

/** Whole numbers that spread over a range, and scales that float16 holds exactly. */
const scaleOf = (largest: number, steps: number) =>
  2 ** Math.ceil(Math.log2(Math.max(largest, 1e-3) / steps));
const magnitude = (values: Float32Array) => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);

const int8: Pack = (name, weight, outputs, inputs) => {
  const rounded = new Int8Array(weight.length);
  const scales = new Float32Array(outputs);
  const values = Float32Array.from(weight, (value, at) => {
    const row = Math.floor(at / inputs);
    const scale = scaleOf(magnitude(weight.subarray(row * inputs, (row + 1) * inputs)), 127);
    scales[row] = scale;
    rounded[at] = Math.round(value / scale);
    return rounded[at] * scale;
  });
  const tensors = {
    [`${name}.weight`]: { dtype: 'I8', shape: [outputs, inputs], bytes: bytesOf(rounded) },
    [`${name}.weight_scale`]: floats([outputs, 1], scales),
  };
  return { tensors, values };
};

/** 4 bits with a zero point for each group, [outputs, inputs]. */
function int4(weight: Float32Array, outputs: number, inputs: number) {
  const groups = inputs / GROUP;
  const scales = new Float32Array(groups * outputs);
  const zeros = new Uint8Array(groups * outputs);
  const rounded = new Uint8Array(weight.length);
  const values = new Float32Array(weight.length);
  for (let n = 0; n < outputs; n++) {
    for (let group = 0; group < groups; group++) {
      const from = n * inputs + group * GROUP;
      const scale = scaleOf(magnitude(weight.subarray(from, from + GROUP)), 5);
      const zero = 5 + ((n + 3 * group) % 6);
      scales[group * outputs + n] = scale;
      zeros[group * outputs + n] = zero;
      for (let at = from; at < from + GROUP; at++) {
        rounded[at] = Math.min(15, Math.max(0, Math.round((weight[at] as number) / scale) + zero));
        values[at] = ((rounded[at] as number) - zero) * scale;
      }
    }
  }
  return { groups, scales, zeros, rounded, values };
}

/** Packs 4-bit numbers into int32 words, eight in a row along the first or the last axis of [rows, columns]. */
function words(
  rows: number,
  columns: number,
  axis: 'first' | 'last',
  at: (row: number, column: number) => number,
  order: readonly number[],
): Tensor {
  const shape = axis === 'first' ? [rows / 8, columns] : [rows, columns / 8];
  const packed = new Uint32Array((rows * columns) / 8);
  packed.forEach((_, word) => {
    const [row, column] = [Math.floor(word / (shape[1] as number)), word % (shape[1] as number)];
    order.forEach((offset, nibble) => {
      const value = axis === 'first' ? at(row * 8 + offset, column) : at(row, column * 8 + offset);
      packed[word] = ((packed[word] as number) | (value << (4 * nibble))) >>> 0;
    });
  });
  return { dtype: 'I32', shape, bytes: bytesOf(packed) };
}

const IN_ORDER = [0, 1, 2, 3, 4, 5, 6, 7];
const AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7];

const gptq: Pack = (name, weight, outputs, inputs) => {
  const { groups, scales, zeros, rounded, values } = int4(weight, outputs, inputs);
  const tensors = {
    [`${name}.qweight`]: words(
      inputs,
      outputs,
      'first',
      (k, n) => rounded[n * inputs + k] as number,
      IN_ORDER,
    ),
    [`${name}.qzeros`]: words(
      groups,
      outputs,
      'last',
      (group, n) => (zeros[group * outputs + n] as number) - 1,
      IN_ORDER,
    ),
    [`${name}.scales`]: floats([groups, outputs], scales),
    [`${name}.g_idx`]: {
      dtype: 'I32',
      shape: [inputs],
      bytes: bytesOf(Int32Array.from({ length: inputs }, (_, k) => Math.floor(k / GROUP))),
    },
  };
  return { tensors, values };
};

const awq: Pack = (name, weight, outputs, inputs) => {
  const { groups, scales, zeros, rounded, values } = int4(weight, outputs, inputs);
  const tensors = {
    [`${name}.qweight`]: words(
      inputs,
      outputs,
      'last',
      (k, n) => rounded[n * inputs + k] as number,
      AWQ_ORDER,
    ),
    [`${name}.qzeros`]: words(
      groups,
      outputs,
      'last',
      (group, n) => zeros[group * outputs + n] as number,
      AWQ_ORDER,
    ),
    [`${name}.scales`]: floats([groups, outputs], scales),
  };
  return { tensors, values };
};

function folderOf(config: object, tensors: Readonly<Record<string, Tensor>>): string {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
      end += bytes.length;
      return [name, entry(dtype, shape, end - bytes.length, end)];
    }),
  );
  const data = Buffer.concat(Object.values(tensors).map(({ bytes }) => bytes));
  const files = { 'config.json': config, 'model.safetensors': safetensors(header, data) };
  const tokenizer = ['tokenizer.json', 'tokenizer_config.json'].map((name) => [
    name,
    readFileSync(join(SOURCE, name)),
  ]);
  return folders.create({ ...files, ...(Object.fromEntries(tokenizer) as Record<string, Buffer>) });
}

/** The tiny checkpoint, quantized, and its twin. */
function twins(pack: Pack, quantization: object): { packed: string; exact: string } {
  const config = JSON.parse(readFileSync(join(SOURCE, 'config.json'), 'utf8')) as object;
  const [packed, exact]: [Record<string, Tensor>, Record<string, Tensor>] = [{}, {}];
  for (const file of openCheckpoint(SOURCE).files) {
    for (const tensor of readSafetensors(file)) {
      const { name, shape } = tensor;
      const values = readFloats(tensor);
      if (!isLinear(tensor)) {
        packed[name] = exact[name] = floats(shape, values);
        continue;
      }
      const made = pack(name.replace(/\.weight$/, ''), values, ...(shape as [number, number]));
      Object.assign(packed, made.tensors);
      exact[name] = floats(shape, made.values);
    }
  }
  return {
    packed: folderOf({ ...config, quantization_config: quantization }, packed),
    exact: folderOf(config, exact),
  };
}

function isLinear({ name }: TensorRef): boolean {
  return name.endsWith('_proj.weight');
}

async function answers(
  folder: string,
  together: boolean,
  backend?: Backend,
  more: readonly string[] = [],
): Promise<Result[]> {
  const flags = [...more, '--disable-radix-cache', '--max-total-tokens', '2048'];
  const engine = await Engine.start(folder, flags, undefined, backend && { backend });
  const ask = (prompt: number[]) =>
    engine.generate({
      prompt,
      sampling: { maxNewTokens: 8 },
      logprobs: { startLen: 0, topNum: 2, tokenIds: [] },
    });
  try {
    if (together) return await Promise.all(PROMPTS.map(ask));
    const alone: Result[] = [];
    for (const prompt of PROMPTS) alone.push(await ask(prompt));
    return alone;
  } finally {
    await engine.close();
  }
}

const INT8 = { num_bits: 8, type: 'int', symmetric: true };
const SCHEMES: readonly (readonly [string, Pack, object])[] = [
  [
    'compressed-tensors',
    int8,
    {
      quant_method: 'compressed-tensors',
      format: 'int-quantized',
      ignore: ['lm_head'],
      config_groups: {
        group_0: {
          targets: ['Linear'],
          weights: { ...INT8, strategy: 'channel', dynamic: false },
          input_activations: { ...INT8, strategy: 'token', dynamic: true },
        },
      },
    },
  ],
  ['gptq', gptq, { quant_method: 'gptq', bits: 4, group_size: GROUP, desc_act: false, sym: false }],
  ['awq', awq, { quant_method: 'awq', bits: 4, group_size: GROUP, zero_point: true, version: 'gemm' }],
];

const INT4 = ['--torchao-config', 'int4wo-32'];

/** Of the prompts' log-probabilities. */
function distances(actual: readonly Result[], expected: readonly Result[]): number[] {
  const values = (results: readonly Result[]) =>
    results.flatMap(({ inputLogprobs }) => inputLogprobs.slice(1).map(({ token }) => token[0] ?? NaN));
  const others = values(expected);
  return values(actual).map((value, at) => Math.abs(value - (others[at] ?? NaN)));
}

/** Weights in 4 bits are multiplied with floats there. */
const DEVICES: readonly (readonly [string, () => Backend, typeof describe, readonly string[]])[] = [
  [
    'CUDA, played by the CPU',
    () => new PlayedCuda('float32'),
    describe,
    ['--device', 'cuda', '--dtype', 'half'],
  ],
  ['WebGPU', () => new WebGpuBackend(), describeOnWebGpu as typeof describe, ['--device', 'webgpu']],
];
for (const [device, backendOf, describeThere, flags] of DEVICES) {
  describeThere(`on ${device}`, () => {
    it.each(SCHEMES.slice(1))(
      '%s computes the very values that its bits stand for',
      async (_, pack, quantization) => {
        const { packed, exact } = twins(pack, quantization);
        const expected = await answers(exact, false);
        const actual = await answers(packed, true, backendOf(), flags);
        expect(actual.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids));
        expect(Math.max(...distances(actual, expected))).toBeLessThan(1e-3);
      },
    );

    it('weights rounded to 4 bits at load are those of the CPU, which rounds inputs as well', async () => {
      const expected = await answers(SOURCE, false, undefined, INT4);
      const actual = await answers(SOURCE, true, backendOf(), [...flags, ...INT4]);
      const far = distances(actual, expected);
      const mean = far.reduce((sum, distance) => sum + distance, 0) / far.length;
      expect(mean).toBeGreaterThan(0);
      expect(mean).toBeLessThan(0.5);
    });
  });
}

describe.each(SCHEMES)('%s', (scheme, pack, quantization) => {
  it('computes with the values that its bits stand for, alone and in a batch', async () => {
    const { packed, exact } = twins(pack, quantization);
    const [expected, actual] = [await answers(exact, false), await answers(packed, false)];
    const differences = distances(actual, expected);
    const mean = differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
    // Inputs are rounded to 8 bits, so not to the bit. Logits are some ten apart.
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(0.5);
    const bits = (results: Result[]) =>
      results.map(({ ids, inputLogprobs, outputLogprobs }) => [ids, inputLogprobs, outputLogprobs]);
    expect(bits(await answers(packed, true))).toEqual(bits(actual));
  });

  it('may be named, and no other', async () => {
    const { packed } = twins(pack, quantization);
    const engine = await Engine.start(packed, ['--quantization', scheme]);
    await engine.close();
    const other = scheme === 'awq' ? 'gptq' : 'awq';
    await expect(Engine.start(packed, ['--quantization', other])).rejects.toThrow(
      `weights are quantized with '${scheme}' already, which does not match what was asked for (${other})`,
    );
    await expect(Engine.start(SOURCE, ['--quantization', scheme])).rejects.toThrow(
      `weights are not quantized with '${scheme}'`,
    );
  });
});
