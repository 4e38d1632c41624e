import { GraphBuilder } from '../../../../src/models/graph/graph-builder';
import { kvPlanes } from '../../../../src/models/kv-planes';
import { cachedAttention } from '../../../../src/models/layers/cached-attention';
import type { DecoderConfig } from '../../../../src/models/config/decoder-config';
import { IoBinding } from '../../../../src/onnxruntime/io-binding';
import { Session } from '../../../../src/onnxruntime/session';
import { Tensor } from '../../../../src/onnxruntime/tensor';
import { noWeights } from '../no-weights';
import { here, use, KERNELS, random, floats, SETTINGS, worst } from './support';

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
