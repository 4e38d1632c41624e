import { bug } from '../../core/errors';
import { toFloats } from '../floats';
import type { GgufType } from './types';

/**
 * Values that lie in blocks as float32 ones. A value is a product of few bits, or one more added to it: what comes out is what
 * the file says, rounded once where 24 bits do not hold it.
 */

type Decode = (block: Uint8Array, scales: Float32Array, out: Float32Array) => void;

interface BlockForm {
  /** Where a block's half-precision numbers begin. */
  readonly halvesAt: number;
  readonly halves: 1 | 2;
  readonly decode: Decode;
}

const FORMS: Readonly<Record<string, BlockForm>> = {
  Q4_0: { halvesAt: 0, halves: 1, decode: nibbles(2, 8) },
  Q4_1: { halvesAt: 0, halves: 2, decode: nibbles(4, 0) },
  Q5_0: { halvesAt: 0, halves: 1, decode: fiveBits(2, 16) },
  Q5_1: { halvesAt: 0, halves: 2, decode: fiveBits(4, 0) },
  Q8_0: { halvesAt: 0, halves: 1, decode: eightBits },
  Q4_K: { halvesAt: 0, halves: 2, decode: superBlock(16, null) },
  Q5_K: { halvesAt: 0, halves: 2, decode: superBlock(48, 16) },
  Q6_K: { halvesAt: 208, halves: 1, decode: sixBits },
};

/** Names of the types that `decodeBlocks` takes. */
export const BLOCK_TYPE_NAMES: readonly string[] = Object.keys(FORMS);

/** @param bytes whole blocks of the type */
export function decodeBlocks({ name, values, bytes: size }: GgufType, bytes: Uint8Array): Float32Array {
  const { halvesAt, halves, decode } = FORMS[name] ?? unknown(name);
  const count = bytes.length / size;
  const out = new Float32Array(count * values);
  const scales = halvesOf(bytes, size, halvesAt, halves);
  for (let at = 0; at < count; at++) {
    decode(
      bytes.subarray(at * size, (at + 1) * size),
      scales.subarray(at * halves, (at + 1) * halves),
      out.subarray(at * values, (at + 1) * values),
    );
  }
  return out;
}

function unknown(name: string): never {
  throw bug(`blocks of type ${name}`);
}

/** The half-precision numbers of all blocks. */
function halvesOf(bytes: Uint8Array, size: number, at: number, halves: number): Float32Array {
  const count = bytes.length / size;
  const packed = new Uint8Array(count * halves * 2);
  for (let block = 0; block < count; block++) {
    const start = block * size + at;
    packed.set(bytes.subarray(start, start + halves * 2), block * halves * 2);
  }
  return toFloats('F16', packed);
}

/** Two values a byte: the low halves are the first 16, the high ones the others. */
function nibbles(start: number, zero: number): Decode {
  return (block, scales, out) => {
    const d = scales[0]!;
    const m = scales[1] ?? 0;
    for (let i = 0; i < 16; i++) {
      const byte = block[start + i]!;
      out[i] = d * ((byte & 15) - zero) + m;
      out[i + 16] = d * ((byte >> 4) - zero) + m;
    }
  };
}

/** As `nibbles`, behind 32 bits that are the fifth of each value. */
function fiveBits(start: number, zero: number): Decode {
  return (block, scales, out) => {
    const d = scales[0]!;
    const m = scales[1] ?? 0;
    for (let i = 0; i < 16; i++) {
      const byte = block[start + 4 + i]!;
      const low = (block[start + (i >> 3)]! >> (i & 7)) & 1;
      const high = (block[start + 2 + (i >> 3)]! >> (i & 7)) & 1;
      out[i] = d * (((byte & 15) | (low << 4)) - zero) + m;
      out[i + 16] = d * (((byte >> 4) | (high << 4)) - zero) + m;
    }
  };
}

function eightBits(block: Uint8Array, scales: Float32Array, out: Float32Array): void {
  const d = scales[0]!;
  for (let i = 0; i < 32; i++) out[i] = d * ((block[2 + i]! << 24) >> 24);
}

/**
 * Eight blocks of 32 values, each with a scale and a minimum of 6 bits: Q4_K, and Q5_K with the fifth bits before the others.
 * @param quants where the four bits of each value begin
 * @param fifth where the fifth bits begin
 */
function superBlock(quants: number, fifth: number | null): Decode {
  return (block, scales, out) => {
    const d = scales[0]!;
    const least = scales[1]!;
    for (let part = 0; part < 8; part++) {
      const [scale, minimum] = sixBitPair(block, part);
      const ds = d * scale;
      const dm = least * minimum;
      const start = quants + (part >> 1) * 32;
      const shift = (part & 1) * 4;
      for (let i = 0; i < 32; i++) {
        const bit = fifth === null ? 0 : ((block[fifth + i]! >> part) & 1) << 4;
        out[part * 32 + i] = ds * (((block[start + i]! >> shift) & 15) | bit) - dm;
      }
    }
  };
}

/** Scale and minimum of a part: twelve bytes hold eight of each. */
function sixBitPair(block: Uint8Array, part: number): [scale: number, minimum: number] {
  const at = (index: number) => block[4 + index]!;
  if (part < 4) return [at(part) & 63, at(part + 4) & 63];
  const scale = (at(part + 4) & 15) | ((at(part - 4) >> 6) << 4);
  const minimum = (at(part + 4) >> 4) | ((at(part) >> 6) << 4);
  return [scale, minimum];
}

/** Q6_K: 16 blocks of 16 values with a scale of 8 bits each; four bits of a value in one place, two in another. */
function sixBits(block: Uint8Array, scales: Float32Array, out: Float32Array): void {
  const d = scales[0]!;
  for (let at = 0; at < 256; at++) {
    const half = at >> 7;
    const quarter = (at >> 5) & 3;
    const i = at & 31;
    const low = (block[half * 64 + (quarter & 1) * 32 + i]! >> ((quarter >> 1) * 4)) & 15;
    const high = (block[128 + half * 32 + i]! >> (quarter * 2)) & 3;
    const scale = (block[192 + (at >> 4)]! << 24) >> 24;
    out[at] = d * scale * ((low | (high << 4)) - 32);
  }
}
