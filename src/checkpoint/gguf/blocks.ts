import { halfValues } from '../halves';
import { typeNamed } from './types';

/**
 * Values that lie in blocks: whole numbers of few bits, with a scale for each group of them. A value is its number less `middle`,
 * times the scale; where groups have minimums it is the number times the scale, and the minimum added to it.
 */
export interface BlockForm {
  /** Values that share a scale. */
  readonly group: 16 | 32;
  /** Least number of bits, of those that products take, that holds the numbers. */
  readonly bits: 4 | 8;
  /** The number in the middle of those that there are. */
  readonly middle: number;
  readonly hasMinimums: boolean;
}

/** A block taken apart. */
export interface Block {
  /** [values] */
  readonly numbers: Uint8Array;
  /** [values / group] */
  readonly scales: Float32Array;
  /** [values / group]; nothing where the form has none. */
  readonly minimums: Float32Array;
}

interface Reader extends BlockForm {
  /** Takes apart the block that begins at `at`. */
  read(bytes: Uint8Array, at: number, block: Block): void;
}

const READERS = {
  Q4_0: { group: 32, bits: 4, middle: 8, hasMinimums: false, read: simple(2, null) },
  Q4_1: { group: 32, bits: 4, middle: 8, hasMinimums: true, read: simple(4, null) },
  Q5_0: { group: 32, bits: 8, middle: 16, hasMinimums: false, read: simple(6, 2) },
  Q5_1: { group: 32, bits: 8, middle: 16, hasMinimums: true, read: simple(8, 4) },
  Q8_0: { group: 32, bits: 8, middle: 128, hasMinimums: false, read: eightBits },
  Q4_K: { group: 32, bits: 4, middle: 8, hasMinimums: true, read: superBlock(16, null) },
  Q5_K: { group: 32, bits: 8, middle: 16, hasMinimums: true, read: superBlock(48, 16) },
  Q6_K: { group: 16, bits: 8, middle: 32, hasMinimums: false, read: sixBits },
} as const satisfies Readonly<Record<string, Reader>>;

/** The types of blocks that can be read. */
export type BlockType = keyof typeof READERS;

export const BLOCK_TYPES = Object.keys(READERS) as readonly BlockType[];

export function isBlockType(name: string): name is BlockType {
  return Object.hasOwn(READERS, name);
}

export function blockForm(type: BlockType): BlockForm {
  return READERS[type];
}

/**
 * Takes blocks apart, one after the other.
 * @param bytes whole blocks of the type
 * @param take told of each; what it is given is the next one's as soon as it returns
 */
export function eachBlock(
  type: BlockType,
  bytes: Uint8Array,
  take: (block: Block, index: number) => void,
): void {
  const { values, bytes: size } = typeNamed(type);
  const reader: Reader = READERS[type];
  const groups = values / reader.group;
  const block = {
    numbers: new Uint8Array(values),
    scales: new Float32Array(groups),
    minimums: new Float32Array(reader.hasMinimums ? groups : 0),
  };
  for (let index = 0; index * size < bytes.length; index++) {
    reader.read(bytes, index * size, block);
    take(block, index);
  }
}

/**
 * The values as float32: what the file says, rounded once where 24 bits do not hold it.
 * @param bytes whole blocks of the type
 */
export function decodeBlocks(type: BlockType, bytes: Uint8Array): Float32Array {
  const { values, bytes: size } = typeNamed(type);
  const { group, middle, hasMinimums } = blockForm(type);
  const out = new Float32Array((bytes.length / size) * values);
  const zero = hasMinimums ? 0 : middle;
  eachBlock(type, bytes, ({ numbers, scales, minimums }, index) => {
    for (let at = 0; at < values; at += group) {
      const scale = scales[at / group] as number;
      const least = hasMinimums ? (minimums[at / group] as number) : 0;
      const to = index * values;
      for (let i = at; i < at + group; i++) out[to + i] = scale * ((numbers[i] as number) - zero) + least;
    }
  });
  return out;
}

function half(bytes: Uint8Array, at: number): number {
  return halfValues()[(bytes[at] as number) | ((bytes[at + 1] as number) << 8)] as number;
}

/**
 * 32 values behind a scale, and a minimum where there is room for one. Two values a byte: the low halves are the first 16, the
 * high ones the others.
 * @param quants where those bytes begin
 * @param fifth where 32 bits begin that are the fifth of each value
 */
function simple(quants: number, fifth: number | null): Reader['read'] {
  return (bytes, at, { numbers, scales, minimums }) => {
    scales[0] = half(bytes, at);
    if (minimums.length > 0) minimums[0] = half(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const byte = bytes[at + quants + i] as number;
      numbers[i] = byte & 15;
      numbers[i + 16] = byte >> 4;
    }
    if (fifth === null) return;
    for (let i = 0; i < 32; i++) {
      const bit = ((bytes[at + fifth + (i >> 3)] as number) >> (i & 7)) & 1;
      numbers[i] = (numbers[i] as number) | (bit << 4);
    }
  };
}

/** 32 signed bytes behind their scale. */
function eightBits(bytes: Uint8Array, at: number, { numbers, scales }: Block): void {
  scales[0] = half(bytes, at);
  for (let i = 0; i < 32; i++) numbers[i] = (bytes[at + 2 + i] as number) ^ 128;
}

/**
 * Eight groups of 32 values, each with a scale and a minimum of 6 bits: Q4_K, and Q5_K with the fifth bits before the others.
 * @param quants where the four bits of each value begin
 * @param fifth where the fifth bits begin
 */
function superBlock(quants: number, fifth: number | null): Reader['read'] {
  return (bytes, at, { numbers, scales, minimums }) => {
    const d = half(bytes, at);
    const least = half(bytes, at + 2);
    for (let group = 0; group < 8; group++) {
      const [scale, minimum] = sixBitPair(bytes, at + 4, group);
      scales[group] = d * scale;
      minimums[group] = -least * minimum;
      const start = at + quants + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      for (let i = 0; i < 32; i++) {
        const high = fifth === null ? 0 : (((bytes[at + fifth + i] as number) >> group) & 1) << 4;
        numbers[group * 32 + i] = (((bytes[start + i] as number) >> shift) & 15) | high;
      }
    }
  };
}

/** Scale and minimum of a group: twelve bytes hold eight of each. */
function sixBitPair(bytes: Uint8Array, start: number, group: number): [scale: number, minimum: number] {
  const at = (index: number) => bytes[start + index] as number;
  if (group < 4) return [at(group) & 63, at(group + 4) & 63];
  const scale = (at(group + 4) & 15) | ((at(group - 4) >> 6) << 4);
  const minimum = (at(group + 4) >> 4) | ((at(group) >> 6) << 4);
  return [scale, minimum];
}

/** Q6_K: 16 groups of 16 values with a scale of 8 bits each; four bits of a value in one place, two in another. */
function sixBits(bytes: Uint8Array, at: number, { numbers, scales }: Block): void {
  const d = half(bytes, at + 208);
  for (let group = 0; group < 16; group++)
    scales[group] = d * (((bytes[at + 192 + group] as number) << 24) >> 24);
  for (let value = 0; value < 256; value++) {
    const upper = value >> 7;
    const quarter = (value >> 5) & 3;
    const i = value & 31;
    const low = ((bytes[at + upper * 64 + (quarter & 1) * 32 + i] as number) >> ((quarter >> 1) * 4)) & 15;
    const high = ((bytes[at + 128 + upper * 32 + i] as number) >> (quarter * 2)) & 3;
    numbers[value] = low | (high << 4);
  }
}
