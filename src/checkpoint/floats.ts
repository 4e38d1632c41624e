import { bug } from '../core/errors';
import { decodeBlocks, isBlockType } from './gguf/blocks';
import { halfValues } from './halves';
import type { StoredType } from './safetensors';

/** Stored numbers as float32 ones. */

/**
 * @param bytes little-endian, whole numbers of the type, or whole blocks
 * @throws Error for a type that holds no floats
 */
export function toFloats(dtype: StoredType, bytes: Uint8Array): Float32Array {
  if (isBlockType(dtype)) return decodeBlocks(dtype, bytes);
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
      const halves = halfValues();
      for (let at = 0; at < stored.length; at++) floats[at] = halves[stored[at] as number] as number;
      return floats;
    }
    default:
      throw bug(`${dtype} holds no floats`);
  }
}

/** Whether `toFloats` takes it. */
export function holdsFloats(dtype: StoredType): boolean {
  return dtype === 'F32' || dtype === 'BF16' || dtype === 'F16' || isBlockType(dtype);
}

/** The bytes in a buffer of their own, where views of any type can begin. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  if (byteOffset === 0 && byteLength === buffer.byteLength && buffer instanceof ArrayBuffer) return buffer;
  return Uint8Array.from(bytes).buffer;
}
