import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { errorMessage, StartupError } from '../core/errors';
import type { TensorRef } from './safetensors';
import type { WeightSource } from './weight-source';

/** Values before the file repeats itself: a prime, so that no two rows of a matrix are the same. */
const PERIOD = 999_983;
/** Tensors start at different places of the file, so that no two are the same either. */
const STARTS = 8192;
const START_BYTES = 64;
const BF16_BYTES = 2;

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
  private readonly dir: string;
  private readonly file: string;
  private readonly pattern = randomBf16(PERIOD);
  private fileBytes = 0;
  private readonly remove = () => fs.rmSync(this.dir, { recursive: true, force: true });

  constructor() {
    try {
      this.dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'sglang-node-dummy-')));
    } catch (error) {
      throw new StartupError(`cannot create dummy weights: ${errorMessage(error)}`);
    }
    process.once('exit', this.remove);
    this.file = path.join(this.dir, 'dummy.bin');
    this.files = [this.file];
  }

  get(name: string, shape: readonly number[]): TensorRef {
    const byteLength = shape.reduce((product, size) => product * size, BF16_BYTES);
    const offset = (hash(name) % STARTS) * START_BYTES;
    this.growTo(offset + byteLength);
    return { name, dtype: 'BF16', shape, file: this.file, offset, byteLength };
  }

  close(): void {
    process.off('exit', this.remove);
    this.remove();
  }

  private growTo(bytes: number): void {
    if (bytes <= this.fileBytes) return;
    try {
      const fd = fs.openSync(this.file, 'a', 0o600);
      try {
        while (this.fileBytes < bytes)
          this.fileBytes += fs.writeSync(fd, this.pattern, this.fileBytes % this.pattern.length);
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      throw new StartupError(`cannot write dummy weights to ${this.dir}: ${errorMessage(error)}`);
    }
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
