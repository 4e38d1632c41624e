import * as path from 'node:path';
import type { TensorRef } from './safetensors';
import { ScratchFolder } from './scratch-folder';
import type { WeightSource } from './weight-source';

/** Values before the file repeats itself: a prime, so that no two rows of a matrix are the same. */
const PERIOD = 999_983;
/** Tensors start at different places of the file, so that no two are the same either. */
const STARTS = 8192;
const START_BYTES = 64;
const BF16_BYTES = 2;
const FILE = 'dummy.bin';

/**
 * Weights for `--load-format dummy`: every tensor lies somewhere in one temporary file of seeded random bf16 values,
 * uniform in ±0.05. The same names and shapes give the same values on every start.
 *
 * `close` deletes the file; so does the end of the process, unless it is killed.
 */
export function dummyWeights(): WeightSource {
  return new DummyWeights();
}

class DummyWeights implements WeightSource {
  readonly files: readonly string[];
  private readonly folder = new ScratchFolder('dummy');
  private readonly pattern = randomBf16(PERIOD);
  private fileBytes = 0;

  constructor() {
    this.files = [path.join(this.folder.path, FILE)];
  }

  get(name: string, shape: readonly number[]): TensorRef {
    const byteLength = shape.reduce((product, size) => product * size, BF16_BYTES);
    const offset = (hash(name) % STARTS) * START_BYTES;
    this.growTo(offset + byteLength);
    return { name, dtype: 'BF16', shape, file: this.files[0] as string, offset, byteLength };
  }

  close(): void {
    this.folder.remove();
  }

  private growTo(bytes: number): void {
    const missing = Math.max(0, Math.ceil((bytes - this.fileBytes) / this.pattern.length));
    this.folder.append(FILE, ...Array<Buffer>(missing).fill(this.pattern));
    this.fileBytes += missing * this.pattern.length;
  }
}

/** Little-endian bf16 values, uniform in ±0.05, from a fixed seed (xorshift32). */
function randomBf16(count: number): Buffer {
  const bytes = Buffer.alloc(count * BF16_BYTES);
  const float = new Float32Array(1);
  const bits = new Uint32Array(float.buffer);
  let state = 0x9e3779b9;
  for (let at = 0; at < count; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    float[0] = ((state >>> 0) / 2 ** 32 - 0.5) * 0.1;
    bytes.writeUInt16LE((bits[0] ?? 0) >>> 16, at * BF16_BYTES);
  }
  return bytes;
}

/** FNV-1a, 32 bits. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(name)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
