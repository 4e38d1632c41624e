import type { FloatType } from '../../onnxruntime/element-type';

/** Numbers as they are stored in a type: to the nearest, halves to even. */
export function floatBytes(type: FloatType, values: Float32Array): Float32Array | Uint16Array {
  switch (type) {
    case 'float32':
      return values;
    case 'bfloat16':
      return converted(values, toBfloat16);
    case 'float16':
      return converted(values, toFloat16);
  }
}

function converted(values: Float32Array, convert: (bits: number) => number): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, convert);
}

/** The upper half of a float32, rounded. */
function toBfloat16(bits: number): number {
  if (isNaNBits(bits)) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** @param bits of a float32 */
function toFloat16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  if (isNaNBits(bits)) return sign | 0x7e00;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  if (exponent > 15) return sign | 0x7c00;
  if (exponent < -25) return sign;
  const mantissa = (bits & 0x7fffff) | 0x800000;
  // What is too small for a normal number loses more digits.
  const dropped = exponent < -14 ? -1 - exponent : 13;
  const base = exponent < -14 ? 0 : (exponent + 14) << 10;
  const half = 1 << (dropped - 1);
  const odd = (mantissa >>> dropped) & 1;
  // A carry out of the mantissa makes the exponent one larger, as it should.
  return sign | (base + ((mantissa + half - 1 + odd) >>> dropped));
}

function isNaNBits(bits: number): boolean {
  return (bits & 0x7fffffff) > 0x7f800000;
}
