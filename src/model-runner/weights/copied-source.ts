import { constants, createReadStream, createWriteStream } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import * as path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { TensorRef, WeightSource } from '../../checkpoint/checkpoint';
import { ScratchFolder } from '../../checkpoint/scratch-folder';
import { errorMessage } from '../../core/errors';
import { logger } from '../../logging/logger';
import type { FileStamps } from './weights-place';

/**
 * Weights in copies of their files, as they were when they were opened. ONNX Runtime maps what it reads: a file that is cut off
 * under it, as by programs that write a checkpoint over an old one, would end the process. A file system that can shares the
 * blocks of a copy.
 */
export class CopiedSource implements WeightSource {
  private constructor(
    private readonly source: WeightSource,
    private readonly copies: ReadonlyMap<string, string>,
    private readonly folder: ScratchFolder,
  ) {}

  /**
   * @param source stays the caller's
   * @returns null, with a warning, where there is no room for copies
   * @throws StartupError for a file that has changed since it was opened, or has gone
   */
  static async of(source: WeightSource, stamps: FileStamps): Promise<CopiedSource | null> {
    let folder: ScratchFolder | null = null;
    try {
      folder = new ScratchFolder('copied');
      const copies = new Map<string, string>();
      for (const file of source.files) {
        const to = path.join(folder.path, `${copies.size}.safetensors`);
        await copy(file, to);
        copies.set(file, to);
      }
      stamps.check();
      return new CopiedSource(source, copies, folder);
    } catch (error) {
      folder?.remove();
      stamps.check();
      logger.log(
        'warning',
        `Weights are read without a copy of their files, which must not be written meanwhile: ${errorMessage(error)}`,
      );
      return null;
    }
  }

  get files(): readonly string[] {
    return this.source.files;
  }

  get(name: string, shape: readonly number[]): TensorRef {
    const tensor = this.source.get(name, shape);
    return { ...tensor, file: this.copies.get(tensor.file) ?? tensor.file };
  }

  close(): void {
    this.folder.remove();
  }
}

const PIECE_BYTES = 4 * 2 ** 20;

/** Shares the blocks, or reads to the end, wherever that is by then: `copyFile` by itself would wait for ever for what is cut off. */
async function copy(file: string, to: string): Promise<void> {
  try {
    await copyFile(file, to, constants.COPYFILE_FICLONE_FORCE);
  } catch {
    const options = { highWaterMark: PIECE_BYTES };
    await pipeline(createReadStream(file, options), createWriteStream(to, options));
  }
}
