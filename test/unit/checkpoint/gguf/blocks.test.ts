import fc from 'fast-check';
import { decodeBlocks, type BlockType } from '../../../../src/checkpoint/gguf/blocks';
import { ggufType, type GgufType } from '../../../../src/checkpoint/gguf/types';

/**
 * One value at a time, from what the format says of where its bits lie. Bits are numbered as in one long number of the block,
 * little-endian.
 */
type ValueAt = (at: number, block: Block) => number;

class Block {
  constructor(private readonly bytes: Buffer) {}
  half(at: number): number {
    const bits = this.bytes.readUInt16LE(at);
    const [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023];
    const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    return sign ? -size : size;
  }
  /** `count` bits from a bit on. */
  bits(from: number, count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      value += (((this.bytes[(from + i) >> 3] ?? 0) >> ((from + i) & 7)) & 1) * 2 ** i;
    }
    return value;
  }
  i8(at: number): number {
    return this.bytes.readInt8(at);
  }
}

/** The nibble of a value among 32 whose first 16 are the low ones. */
const nibble = (block: Block, start: number, at: number) =>
  block.bits((start + (at % 16)) * 8 + (at < 16 ? 0 : 4), 4);

/** Scale and minimum of one of eight parts: six bits each, the upper two of the last four kept with the first four. */
function kScales(block: Block, part: number): [number, number] {
  const bit = (byte: number) => (4 + byte) * 8;
  if (part < 4) return [block.bits(bit(part), 6), block.bits(bit(part + 4), 6)];
  const low = bit(part + 4);
  return [
    block.bits(low, 4) + 16 * block.bits(bit(part - 4) + 6, 2),
    block.bits(low + 4, 4) + 16 * block.bits(bit(part) + 6, 2),
  ];
}

function kValue(block: Block, at: number, quants: number, fifth: number | null): number {
  const part = Math.floor(at / 32);
  const [scale, least] = kScales(block, part);
  const byte = quants + Math.floor(part / 2) * 32 + (at % 32);
  const low = block.bits(byte * 8 + (part % 2) * 4, 4);
  const high = fifth === null ? 0 : block.bits((fifth + (at % 32)) * 8 + part, 1);
  return block.half(0) * scale * (low + 16 * high) - block.half(2) * least;
}

const REFERENCE: Record<string, [number: number, valueAt: ValueAt]> = {
  Q4_0: [2, (at, block) => block.half(0) * (nibble(block, 2, at) - 8)],
  Q4_1: [3, (at, block) => block.half(0) * nibble(block, 4, at) + block.half(2)],
  Q5_0: [6, (at, block) => block.half(0) * (nibble(block, 6, at) + 16 * block.bits(16 + at, 1) - 16)],
  Q5_1: [
    7,
    (at, block) => block.half(0) * (nibble(block, 8, at) + 16 * block.bits(32 + at, 1)) + block.half(2),
  ],
  Q8_0: [8, (at, block) => block.half(0) * block.i8(2 + at)],
  Q4_K: [12, (at, block) => kValue(block, at, 16, null)],
  Q5_K: [13, (at, block) => kValue(block, at, 48, 16)],
  Q6_K: [
    14,
    (at, block) => {
      const [half, within] = [Math.floor(at / 128), at % 128];
      const quarter = Math.floor(within / 32);
      const low = block.bits((half * 64 + (within % 64)) * 8 + (quarter < 2 ? 0 : 4), 4);
      const high = block.bits((128 + half * 32 + (within % 32)) * 8 + quarter * 2, 2);
      return block.half(208) * block.i8(192 + Math.floor(at / 16)) * (low + 16 * high - 32);
    },
  ],
};

describe.each(Object.entries(REFERENCE))('%s', (name, [number, valueAt]) => {
  const type = ggufType(number) as GgufType;

  it('is read as the format says', () => {
    expect(type.name).toBe(name);
    const blocks = fc
      .integer({ min: 1, max: 3 })
      .chain((count) => fc.uint8Array({ minLength: count * type.bytes, maxLength: count * type.bytes }));
    fc.assert(
      fc.property(blocks, (bytes) => {
        const halvesAt = name === 'Q6_K' ? [208] : [0, 2];
        for (let at = 0; at < bytes.length; at += type.bytes) {
          // Neither infinite nor no number.
          for (const half of halvesAt) bytes[at + half + 1] = (bytes[at + half + 1] ?? 0) & 0xbf;
        }
        const values = decodeBlocks(name as BlockType, bytes);
        const expected = Float32Array.from(values, (_, at) => {
          const start = Math.floor(at / type.values) * type.bytes;
          return valueAt(at % type.values, new Block(Buffer.from(bytes.subarray(start, start + type.bytes))));
        });
        // -0 counts as 0.
        expect(values.map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
      }),
      { numRuns: 50 },
    );
  });
});
