import { bug } from '../core/errors';
import type { TensorDtype } from './safetensors';

/** Stored numbers as float32 ones. */

const F16_VALUES = 2 ** 16;
let halves: Float32Array | undefined;

/**
 * @param bytes little-endian, whole numbers of the type
 * @throws Error for a type that holds no floats
 */
export function toFloats(dtype: TensorDtype, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case 'F32':
      return new Float32Array(aligned(bytes));
    case 'BF16': {
      const stored = new Uint16Array(aligned(bytes));
      const words = new Uint32Array(stored.length);
      for (let at = 0; at < stored.length; at++) words[at] = (stored[at] as number) << 16;
      return new Float32Array(words.buffer);
    }
    case 'F16': {
      const stored = new Uint16Array(aligned(bytes));
      const floats = new Float32Array(stored.length);
      halves ??= Float32Array.from({ length: F16_VALUES }, (_, bits) => f16ToFloat(bits));
      for (let at = 0; at < stored.length; at++) floats[at] = halves[stored[at] as number] as number;
      return floats;
    }
    default:
      throw bug(`${dtype} holds no floats`);
  }
}

/** Whether `toFloats` takes it. */
export function holdsFloats(dtype: TensorDtype): boolean {
  return dtype === 'F32' || dtype === 'BF16' || dtype === 'F16';
}

/** The bytes in a buffer of their own, where views of any type can begin. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteOffset === 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) return buffer;
  return Uint8Array.from(bytes).buffer;
}

function f16ToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
