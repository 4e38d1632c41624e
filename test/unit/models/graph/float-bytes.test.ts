import { floatBytes } from '../../../../src/models/graph/float-bytes';

const half = (value: number) => (floatBytes('float16', Float32Array.of(value)) as Uint16Array)[0];
const brain = (value: number) => (floatBytes('bfloat16', Float32Array.of(value)) as Uint16Array)[0];

describe('float16', () => {
  // Bits as numpy.float16 gives them.
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [0.1, 0x2e66],
    [65504, 0x7bff],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [Infinity, 0x7c00],
    [-Infinity, 0xfc00],
    [2 ** -14, 0x0400],
    [2 ** -14 - 2 ** -26, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [2 ** -25 * 1.0001, 0x0001],
    [2 ** -26, 0x0000],
    [3 * 2 ** -25, 0x0002],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
  ])('of %p', (value, bits) => {
    expect(half(value)).toBe(bits);
  });

  it('of what is not a number', () => {
    expect(half(NaN)).toBe(0x7e00);
  });
});

describe('bfloat16', () => {
  it.each([
    [0, 0x0000],
    [1, 0x3f80],
    [-1, 0xbf80],
    [0.1, 0x3dcd],
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [3.4e38, 0x7f80],
    [Infinity, 0x7f80],
  ])('of %p', (value, bits) => {
    expect(brain(value)).toBe(bits);
  });

  it('of what is not a number', () => {
    expect((brain(NaN) as number) & 0x7fff).toBeGreaterThan(0x7f80);
  });
});

it('leaves float32 as it is', () => {
  const values = Float32Array.of(1, 2);
  expect(floatBytes('float32', values)).toBe(values);
});
