import { createReadStream } from 'node:fs';
import * as fs from 'node:fs/promises';
import { ContentCheck, type Expected } from './content-check';

/**
 * A file that has come in part. Whatever ends the process, what was written can be gone on from; only a whole and right one gets
 * the name of a blob.
 */
export class PartFile {
  private constructor(
    private readonly file: string,
    private readonly handle: fs.FileHandle,
    private readonly check: ContentCheck,
    private bytes: number,
  ) {}

  /** Opens what an earlier download has left, or begins. Whoever opens it holds the lock of its blob. */
  static async open(file: string, expected: Expected): Promise<PartFile> {
    const handle = await fs.open(file, 'a');
    try {
      const check = new ContentCheck(expected);
      const part = new PartFile(file, handle, check, (await handle.stat()).size);
      if (part.bytes > (expected.size ?? Infinity)) await part.restart();
      if (part.bytes > 0) for await (const chunk of createReadStream(file)) check.add(chunk as Buffer);
      return part;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes that are there. */
  get size(): number {
    return this.bytes;
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.length;) {
      written += (await this.handle.write(chunk, written)).bytesWritten;
    }
    this.bytes += chunk.length;
    this.check.add(chunk);
  }

  /** Throws away what is there. */
  async restart(): Promise<void> {
    await this.handle.truncate(0);
    this.bytes = 0;
    this.check.restart();
  }

  /** What is wrong with the whole file, or null. */
  fault(): string | null {
    return this.check.fault(this.bytes);
  }

  /** Gives the whole file its name, on the disk before it is seen. */
  async moveTo(blob: string): Promise<void> {
    await this.handle.datasync();
    await fs.rename(this.file, blob);
  }

  async remove(): Promise<void> {
    await fs.rm(this.file, { force: true });
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
