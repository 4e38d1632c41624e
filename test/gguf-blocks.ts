import { decodeBlocks, type BlockType } from '../src/checkpoint/gguf/blocks';
import { toFloats } from '../src/checkpoint/floats';
import type { Contents, Tensor } from './gguf';

/** Makes blocks of GGUF's types for tests: of values, and at random. */

/** Number, values, bytes, and where half-precision numbers lie. */
const TYPES: Readonly<
  Record<BlockType, readonly [number: number, values: number, bytes: number, halves: readonly number[]]>
> = {
  Q4_0: [2, 32, 18, [0]],
  Q4_1: [3, 32, 20, [0, 2]],
  Q5_0: [6, 32, 22, [0]],
  Q5_1: [7, 32, 24, [0, 2]],
  Q8_0: [8, 32, 34, [0]],
  Q4_K: [12, 256, 144, [0, 2]],
  Q5_K: [13, 256, 176, [0, 2]],
  Q6_K: [14, 256, 210, [208]],
};

const BLOCK = 32;

/** Types that values can be rounded to. */
type RoundedType = 'Q8_0' | 'Q4_0' | 'Q4_1';

const ROUND: Readonly<Record<RoundedType, (values: Float32Array, block: Buffer) => void>> = {
  Q8_0(values, block) {
    const d = half(block, 0, Math.max(...values.map(Math.abs)) / 127);
    values.forEach((value, at) => block.writeInt8(whole(value / d, -128, 127), 2 + at));
  },
  Q4_0(values, block) {
    const extreme = values.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most));
    const d = half(block, 0, extreme / -8);
    nibbles(block, 2, (at) => whole((values[at] ?? 0) / d + 8, 0, 15));
  },
  Q4_1(values, block) {
    const least = half(block, 2, Math.min(...values));
    const d = half(block, 0, (Math.max(...values) - least) / 15);
    nibbles(block, 4, (at) => whole(((values[at] ?? 0) - least) / d, 0, 15));
  },
};

function nibbles(block: Buffer, start: number, of: (at: number) => number): void {
  for (let i = 0; i < 16; i++) block[start + i] = of(i) | (of(i + 16) << 4);
}

/** NaN, of nothing by nothing, is zero. */
function whole(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, Math.round(value) || 0));
}

/** Writes a number in half precision, cut off. @returns what it has become */
function half(block: Buffer, at: number, value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  const exponent = ((bits >> 23) & 255) - 112;
  const magnitude =
    exponent > 0 ? (exponent << 10) | ((bits >> 13) & 1023) : Math.trunc(Math.abs(value) * 2 ** 24);
  block.writeUInt16LE(((bits >>> 31) << 15) | magnitude, at);
  return toFloats('F16', block.subarray(at, at + 2))[0] ?? NaN;
}

/** @param values whole blocks */
export function rounded(type: RoundedType, values: Float32Array): Buffer {
  const [, , size] = TYPES[type];
  const bytes = Buffer.alloc((values.length / BLOCK) * size);
  for (let at = 0; at * size < bytes.length; at++) {
    ROUND[type](values.subarray(at * BLOCK, (at + 1) * BLOCK), bytes.subarray(at * size, (at + 1) * size));
  }
  return bytes;
}

/** A matrix of blocks of any bits, with scales and minimums below 0.002. @param next gives numbers from 0 to 1 */
export function randomBlocks(
  type: BlockType,
  name: string,
  shape: readonly [number, number],
  next: () => number,
): Tensor {
  const [number, values, size, halves] = TYPES[type];
  const bytes = Buffer.alloc(((shape[0] * shape[1]) / values) * size);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(next() * 256);
  for (let start = 0; start < bytes.length; start += size) {
    for (const at of halves) half(bytes, start + at, (next() - 0.5) * 0.004);
  }
  return { name, type: number, shape, bytes };
}

/**
 * A file's matrices of floats in blocks, and a twin in float32 of what those stand for.
 * @param typeOf a type for a tensor, whose rows are whole blocks; null leaves it as it is
 */
export function inBlocks(
  { tensors, ...rest }: Contents,
  typeOf: (name: string) => RoundedType | null,
): { readonly blocks: Contents; readonly exact: Contents } {
  const pairs = tensors.map((tensor): [Tensor, Tensor] => {
    const { name, shape } = tensor;
    const type = shape.length < 2 || (shape.at(-1) ?? 0) % BLOCK !== 0 ? null : typeOf(name);
    if (type === null) return [tensor, tensor];
    const bytes = rounded(type, floatsOf(tensor));
    const values = decodeBlocks(type, bytes);
    return [
      { name, shape, type: TYPES[type][0], bytes },
      { name, shape, type: 0, bytes: new Uint8Array(values.buffer) },
    ];
  });
  return {
    blocks: { ...rest, tensors: pairs.map(([blocks]) => blocks) },
    exact: { ...rest, tensors: pairs.map(([, exact]) => exact) },
  };
}

function floatsOf({ type, bytes }: Tensor): Float32Array {
  return toFloats(type === 0 ? 'F32' : type === 1 ? 'F16' : 'BF16', bytes);
}
