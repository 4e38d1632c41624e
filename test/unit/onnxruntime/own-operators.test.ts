import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openLibrary } from '../../../src/core/native-library';
import { ownKernels, ownKernelsFile } from '../../../src/core/own-kernels';
import { packageRoot } from '../../../src/core/package';
import { GraphBuilder } from '../../../src/models/graph/graph-builder';
import { kvPlanes } from '../../../src/models/kv-planes';
import { cachedAttention } from '../../../src/models/layers/cached-attention';
import type { DecoderConfig } from '../../../src/models/config/decoder-config';
import { IoBinding } from '../../../src/onnxruntime/io-binding';
import { ownOperators } from '../../../src/onnxruntime/own-operators';
import { Session } from '../../../src/onnxruntime/session';
import { Tensor } from '../../../src/onnxruntime/tensor';
import { intoPanels } from '../../../src/checkpoint/quantization/rounding';
import { turnInputs } from '../../../src/checkpoint/quantization/turning';
import { noWeights } from './no-weights';

/** The operators of `native`, against sums in double precision. */
const library = ownOperators();
const here = library === null ? describe.skip : describe;
const use =
  library === null
    ? () => 0
    : (openLibrary(library).func('int sglang_use_kernels(int most)') as (most: number) => number);
const KERNELS = library === null ? [] : [...new Set([use(3), use(4), use(5)])];

function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 30 - 1;
}
const floats = (length: number, next: () => number, size = 1) =>
  Float32Array.from({ length }, () => next() * size);

interface Shape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly dim: number;
  readonly window?: number;
  readonly softcap?: number;
  /** Elements of a head that rotate; 0 for none. */
  readonly rotary?: number;
  readonly packed?: boolean;
  readonly int8?: boolean;
}

const SETTINGS = { intraOpThreads: 2, externalDataFolder: null, provider: null, operators: library };

const CAPACITY = 200;

/** One layer over rows that stay from run to run. */
class Layer {
  private constructor(
    readonly shape: Shape,
    private readonly session: Session,
    private readonly planes: readonly (ReturnType<typeof kvPlanes>[number] & {
      readonly data: Float32Array | Int8Array;
    })[],
    private readonly tables: { readonly cos: Float32Array; readonly sin: Float32Array },
  ) {}

  static async of(shape: Shape, rows: number): Promise<Layer> {
    const { heads, kvHeads, dim, rotary = dim, packed = true } = shape;
    const g = new GraphBuilder(noWeights, null, 'float32', { ownOperators: true });
    const kvType = shape.int8 ? 'int8' : 'float32';
    const input = (name: string, width: number) => g.input(name, 'float32', ['tokens', width]);
    const projections = packed
      ? { packed: input('qkv', (heads + 2 * kvHeads) * dim) }
      : { q: input('q', heads * dim), k: input('k', kvHeads * dim), v: input('v', kvHeads * dim) };
    const angles = Array.from({ length: CAPACITY * (rotary / 2) }, (_, i) => {
      const half = rotary / 2;
      return Math.floor(i / half) / 100 ** ((i % half) / half);
    });
    const tables = { cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) };
    const config = {
      numHeads: heads,
      numKvHeads: kvHeads,
      headDim: dim,
      attentionScale: null,
      attentionSoftcap: shape.softcap ?? null,
    } as DecoderConfig;
    const out = cachedAttention(g, config, projections, {
      layer: 0,
      seqlens: g.input('seqlens', 'int32', ['batch']),
      starts: g.input('starts', 'int32', ['starts']),
      tables:
        rotary === 0
          ? null
          : {
              cos: g.floats('cos', [CAPACITY, rotary / 2], tables.cos),
              sin: g.floats('sin', [CAPACITY, rotary / 2], tables.sin),
            },
      window: shape.window ?? null,
      kvType,
    });
    g.output('out', out, 'float32', ['tokens', heads * dim]);
    const session = await Session.create(g.build(), SETTINGS);
    const planes = kvPlanes(0, dim, kvType).map((plane) => {
      const length = rows * kvHeads * CAPACITY * plane.width;
      return { ...plane, data: plane.type === 'int8' ? new Int8Array(length) : new Float32Array(length) };
    });
    return new Layer(shape, session, planes, tables);
  }

  /**
   * Appends tokens to rows from row `first` on.
   * @param qkv [tokens, (heads + 2 kv_heads) · dim]
   * @param totals tokens of each row afterwards
   * @param counts of them that are new
   */
  async run(
    qkv: Float32Array,
    first: number,
    totals: readonly number[],
    counts: readonly number[],
  ): Promise<Float32Array> {
    const { heads, kvHeads, dim, packed = true } = this.shape;
    const [count, width] = [qkv.length / ((heads + 2 * kvHeads) * dim), (heads + 2 * kvHeads) * dim];
    const binding = new IoBinding(this.session);
    const bind = (
      name: string,
      type: 'float32' | 'int32' | 'int8',
      data: Float32Array | Int32Array | Int8Array,
      dims: number[],
    ) => {
      const tensor = Tensor.over(type, data, dims);
      binding.adopt(tensor);
      binding.bindInput(name, tensor);
      return tensor;
    };
    const columns = (from: number, size: number) =>
      Float32Array.from(
        { length: count * size },
        (_, i) => qkv[Math.floor(i / size) * width + from + (i % size)] ?? NaN,
      );
    if (packed) bind('qkv', 'float32', qkv, [count, width]);
    else {
      bind('q', 'float32', columns(0, heads * dim), [count, heads * dim]);
      bind('k', 'float32', columns(heads * dim, kvHeads * dim), [count, kvHeads * dim]);
      bind('v', 'float32', columns((heads + kvHeads) * dim, kvHeads * dim), [count, kvHeads * dim]);
    }
    bind(
      'seqlens',
      'int32',
      Int32Array.from(totals, (total) => total - 1),
      [totals.length],
    );
    const starts = counts.reduce((sums, length) => [...sums, (sums.at(-1) ?? 0) + length], [0]);
    bind('starts', 'int32', Int32Array.from(starts), [starts.length]);
    for (const { past, present, type, width: size, data } of this.planes) {
      const row = kvHeads * CAPACITY * size;
      const view = data.subarray(first * row, (first + totals.length) * row);
      const tensor = bind(past, type as 'float32' | 'int8', view, [totals.length, kvHeads, CAPACITY, size]);
      binding.bindOutput(present, tensor);
    }
    const out = new Float32Array(count * heads * dim);
    const result = Tensor.over('float32', out, [count, heads * dim]);
    binding.adopt(result);
    binding.bindOutput('out', result);
    try {
      await binding.run();
    } finally {
      binding.dispose();
    }
    return out;
  }

  /** What the last `sequence` of a row's tokens should give. @param all [total, (heads + 2 kv_heads) · dim] */
  expected(all: Float32Array, sequence: number): number[] {
    const { heads, kvHeads, dim, rotary = dim, window, softcap } = this.shape;
    const width = (heads + 2 * kvHeads) * dim;
    const total = all.length / width;
    const made = new Map<number, number[]>();
    const head = (token: number, at: number, rotates: boolean) => {
      const key = token * (heads + 2 * kvHeads) + at;
      const known = made.get(key);
      if (known) return known;
      const x = Array.from(all.subarray(token * width + at * dim, token * width + (at + 1) * dim));
      const half = rotary / 2;
      for (let i = 0; rotates && i < half; i++) {
        const [a = 0, b = 0, cos = 0, sin = 0] = [
          x[i],
          x[i + half],
          this.tables.cos[token * half + i],
          this.tables.sin[token * half + i],
        ];
        [x[i], x[i + half]] = [a * cos - b * sin, b * cos + a * sin];
      }
      made.set(key, x);
      return x;
    };
    const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? NaN), 0);
    const out: number[] = [];
    for (let token = total - sequence; token < total; token++) {
      for (let h = 0; h < heads; h++) {
        const kv = Math.floor(h / (heads / kvHeads));
        const query = head(token, h, true);
        const from = window === undefined ? 0 : Math.max(0, token + 1 - window);
        const scores = Array.from({ length: token + 1 - from }, (_, i) => {
          const score = dot(query, head(from + i, heads + kv, true)) / Math.sqrt(dim);
          return softcap === undefined ? score : softcap * Math.tanh(score / softcap);
        });
        const most = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - most));
        const sum = weights.reduce((a, b) => a + b, 0);
        const values = weights.map((_, i) => head(from + i, heads + kvHeads + kv, false));
        for (let d = 0; d < dim; d++)
          out.push(weights.reduce((acc, weight, i) => acc + weight * (values[i]?.[d] ?? NaN), 0) / sum);
      }
    }
    return out;
  }

  dispose(): void {
    this.session.dispose();
  }
}

const worst = (actual: ArrayLike<number>, expected: readonly number[]) =>
  expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (actual[i] ?? NaN))), 0);

here.each(KERNELS)('attention with kernels %i', (level) => {
  beforeAll(() => void use(level));
  afterAll(() => void use(5));

  const shapes: readonly (readonly [string, Shape])[] = [
    ['seven heads on a key head', { heads: 7, kvHeads: 1, dim: 64 }],
    ['three heads on a key head, in parts', { heads: 6, kvHeads: 2, dim: 64, packed: false }],
    ['each head its own keys', { heads: 4, kvHeads: 4, dim: 16 }],
    ['heads of 80 that rotate by a part', { heads: 6, kvHeads: 2, dim: 80, rotary: 32 }],
    ['heads of 256, not rotated', { heads: 2, kvHeads: 1, dim: 256, rotary: 0 }],
    ['a window', { heads: 8, kvHeads: 2, dim: 32, window: 20 }],
    ['capped scores', { heads: 4, kvHeads: 2, dim: 48, softcap: 3 }],
    ['keys and values in 8 bits', { heads: 7, kvHeads: 1, dim: 64, int8: true }],
    ['8 bits, a window and a cap', { heads: 4, kvHeads: 1, dim: 96, int8: true, window: 70, softcap: 5 }],
  ];

  it.each(shapes)(
    '%s: is what it should be, in pieces, alone and in a batch to the bit',
    async (_, shape) => {
      const layer = await Layer.of(shape, 3);
      const width = (shape.heads + 2 * shape.kvHeads) * shape.dim;
      const next = random(7);
      const texts = [100, 41, 3].map((length) => floats(length * width, next, 2));
      const tolerance = shape.int8 ? 0.03 : 2e-5;
      const rest: Float32Array[] = [];
      // Whole prompts, one at a time.
      for (const [row, text] of texts.entries()) {
        const length = text.length / width;
        const out = await layer.run(text, row, [length], [length]);
        expect(worst(out, layer.expected(text, length))).toBeLessThan(tolerance);
        rest.push(out);
      }
      const size = shape.heads * shape.dim;
      // The same in pieces, and at last one token of every row at once.
      const again = await Layer.of(shape, 3);
      for (const [row, text] of texts.entries()) {
        const length = text.length / width;
        for (let from = 0; from < length - 1; from += 29) {
          const to = Math.min(from + 29, length - 1);
          const out = await again.run(text.slice(from * width, to * width), row, [to], [to - from]);
          expect(out).toEqual(rest[row]?.slice(from * size, to * size));
        }
      }
      const lengths = texts.map((text) => text.length / width);
      const last = Float32Array.from(texts.flatMap((text) => Array.from(text.slice(-width))));
      const together = await again.run(last, 0, lengths, [1, 1, 1]);
      texts.forEach((_, row) => {
        expect(together.slice(row * size, (row + 1) * size)).toEqual(rest[row]?.slice(-size));
      });
      layer.dispose();
      again.dispose();
    },
  );

  it.each(shapes)('%s: prompts, pieces and single tokens in one run, to the bit', async (_, shape) => {
    const width = (shape.heads + 2 * shape.kvHeads) * shape.dim;
    const size = shape.heads * shape.dim;
    const next = random(3);
    const lengths = [90, 24, 1, 130, 7];
    const pasts = [89, 0, 0, 77, 6];
    const texts = lengths.map((length) => floats(length * width, next, 2));
    const layer = await Layer.of(shape, lengths.length);
    const alone: Float32Array[] = [];
    for (const [row, text] of texts.entries()) {
      alone.push(await layer.run(text, row, [lengths[row]!], [lengths[row]!]));
    }
    const again = await Layer.of(shape, lengths.length);
    for (const [row, past] of pasts.entries()) {
      if (past > 0) await again.run(texts[row]!.slice(0, past * width), row, [past], [past]);
    }
    const rest = Float32Array.from(texts.flatMap((text, row) => [...text.slice(pasts[row]! * width)]));
    const counts = lengths.map((length, row) => length - pasts[row]!);
    const together = await again.run(rest, 0, lengths, counts);
    const expected = alone.flatMap((out, row) => [...out.slice(pasts[row]! * size)]);
    expect(together).toEqual(Float32Array.from(expected));
    layer.dispose();
    again.dispose();
  });

  it('refuses rows that begin elsewhere than they should', async () => {
    const layer = await Layer.of({ heads: 2, kvHeads: 1, dim: 16 }, 2);
    const three = new Float32Array(3 * 64);
    await expect(layer.run(three, 0, [2, 2], [2, 2])).rejects.toThrow('from 0 to all tokens');
    await expect(layer.run(three, 0, [3], [1, 2])).rejects.toThrow('from 0 to all tokens');
    await expect(layer.run(three, 0, [3, 3], [3, 0])).rejects.toThrow('do not belong together');
    await expect(layer.run(three, 0, [5, 5], [4, -1])).rejects.toThrow('do not belong together');
    await expect(layer.run(three, 0, [1, 5], [2, 1])).rejects.toThrow('do not belong together');
    layer.dispose();
  });

  it('refuses rows that are longer than there is room for', async () => {
    const layer = await Layer.of({ heads: 2, kvHeads: 1, dim: 16 }, 1);
    await expect(layer.run(new Float32Array(64), 0, [CAPACITY + 1], [1])).rejects.toThrow(
      'seqlens_k is outside of the rows',
    );
    await expect(layer.run(new Float32Array(64), 0, [0], [1])).rejects.toThrow(
      'seqlens_k is outside of the rows',
    );
    layer.dispose();
  });
});

here('attention in 8 bits', () => {
  afterAll(() => void use(5));

  const both = KERNELS.includes(4) && KERNELS.includes(5) ? it : it.skip;

  both('has the same bits by products of bytes as by products of the same numbers in floats', async () => {
    const shape: Shape = { heads: 14, kvHeads: 2, dim: 80, int8: true };
    const length = 150;
    const text = floats(length * (shape.heads + 2 * shape.kvHeads) * shape.dim, random(11), 2);
    const results: Float32Array[] = [];
    for (const level of [4, 5]) {
      use(level);
      const layer = await Layer.of(shape, 1);
      results.push(await layer.run(text, 0, [length], [length]));
      layer.dispose();
    }
    expect(results[1]).toEqual(results[0]);
  });
});

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

it('is compiled from the sources that lie beside it', () => {
  const folder = join(packageRoot(), 'native');
  const digest = createHash('sha256');
  for (const file of readdirSync(folder).sort()) {
    if (/\.([ch]|mjs)$/.test(file)) digest.update(file).update(readFileSync(join(folder, file)));
  }
  // Else: node native/build.mjs
  expect(
    readFileSync(ownKernelsFile().replace(/native\/.*/, 'native/prebuilt/linux-x64/operators.so')).includes(
      digest.digest('hex'),
    ),
  ).toBe(true);
});

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
