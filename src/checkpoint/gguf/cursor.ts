import * as fs from 'node:fs';
import { StartupError } from '../../core/errors';

const CHUNK_BYTES = 2 ** 20;
/** Far above any text that a model has; the longest are chat templates. */
const MAX_TEXT_BYTES = 16 * 2 ** 20;
/** Far above the largest vocabularies and lists of merges. */
const MAX_ITEMS = 2 ** 24;
/** What stands before the weights at most. */
const MAX_HEADER_BYTES = 512 * 2 ** 20;

/**
 * Reads numbers and texts one behind the other, little-endian. The file may come from a stranger: nothing is allocated for a length
 * that the rest of the file cannot hold.
 */
export class Cursor {
  /** Bytes from the start of the file. */
  position = 0;
  private chunk = Buffer.alloc(0);
  private chunkStart = 0;

  /**
   * @param size of the file in bytes
   * @param shown names the file in errors
   */
  constructor(
    private readonly fd: number,
    private readonly size: number,
    private readonly shown: string,
  ) {}

  u8(): number {
    return this.take(1).readUInt8();
  }
  i8(): number {
    return this.take(1).readInt8();
  }
  u16(): number {
    return this.take(2).readUInt16LE();
  }
  i16(): number {
    return this.take(2).readInt16LE();
  }
  u32(): number {
    return this.take(4).readUInt32LE();
  }
  i32(): number {
    return this.take(4).readInt32LE();
  }
  f32(): number {
    return this.take(4).readFloatLE();
  }
  f64(): number {
    return this.take(8).readDoubleLE();
  }
  /** Rounded beyond 2^53. */
  u64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }
  /** Rounded beyond 2^53. */
  i64(): number {
    return Number(this.take(8).readBigInt64LE());
  }

  text(): string {
    const length = this.u64();
    if (length > MAX_TEXT_BYTES && length <= this.rest) {
      throw new StartupError(`${this.shown}: a text of ${length} bytes is too long`);
    }
    return this.take(length).toString('utf8');
  }

  /**
   * The number of things that follow.
   * @param least bytes that each of them takes at least
   */
  count(what: string, least: number): number {
    const count = this.u64();
    if (count * least > this.rest) {
      throw new StartupError(
        `${this.shown}: ${count} ${what} do not fit into the file (truncated or damaged?)`,
      );
    }
    if (count > MAX_ITEMS) throw new StartupError(`${this.shown}: ${count} ${what} are too many`);
    return count;
  }

  private get rest(): number {
    return this.size - this.position;
  }

  private take(length: number): Buffer {
    const { position, size, shown } = this;
    if (length > this.rest) throw new StartupError(`${shown}: ends within its header (truncated?)`);
    if (position + length > MAX_HEADER_BYTES) throw new StartupError(`${shown}: its header is too long`);
    if (position < this.chunkStart || position + length > this.chunkStart + this.chunk.length) {
      this.chunk = Buffer.alloc(Math.min(Math.max(length, CHUNK_BYTES), size - position));
      this.chunkStart = position;
      for (let filled = 0; filled < this.chunk.length;) {
        const count = fs.readSync(this.fd, this.chunk, filled, this.chunk.length - filled, position + filled);
        if (count === 0) throw new StartupError(`${shown}: ends within its header (truncated?)`);
        filled += count;
      }
    }
    this.position += length;
    const start = position - this.chunkStart;
    return this.chunk.subarray(start, start + length);
  }
}
