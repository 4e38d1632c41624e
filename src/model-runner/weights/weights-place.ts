import * as fs from 'node:fs';
import { dummyWeights, openCheckpoint, type WeightSource } from '../../checkpoint/checkpoint';
import { StartupError } from '../../core/errors';
import type { ServerArgs } from '../../server-args/server-args';

/** Where weights are read from. */
export interface WeightsPlace {
  readonly modelDir: string;
  /** `dummy` reads nothing: the values are random. */
  readonly loadFormat: ServerArgs['loadFormat'];
}

/** @throws StartupError of one line for anything wrong with the files; see `openCheckpoint` */
export function openWeights({ modelDir, loadFormat }: WeightsPlace): WeightSource {
  return loadFormat === 'dummy' ? dummyWeights() : openCheckpoint(modelDir);
}

/** What tells whether a file is still the one it was: whoever writes it anew changes one of them. */
interface FileStamp {
  readonly file: string;
  readonly size: number;
  readonly modifiedAt: number;
  readonly inode: number;
}

/** The files of weights as they are now. Random ones have none that last. */
export class FileStamps {
  private readonly stamps: readonly FileStamp[];

  /** @throws StartupError for a file that is not there */
  constructor({ loadFormat }: WeightsPlace, files: readonly string[]) {
    this.stamps = loadFormat === 'dummy' ? [] : files.map(stampOf);
  }

  /** @throws StartupError naming a file that has changed since, or has gone */
  check(): void {
    for (const then of this.stamps) {
      const now = stampOf(then.file);
      if (now.size === then.size && now.modifiedAt === then.modifiedAt && now.inode === then.inode) continue;
      throw new StartupError(`${then.file}: has been written anew since its weights were read`);
    }
  }
}

function stampOf(file: string): FileStamp {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw new StartupError(`${file}: the file has gone`);
  return { file, size: stat.size, modifiedAt: stat.mtimeMs, inode: stat.ino };
}
