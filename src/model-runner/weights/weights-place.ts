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

/** Weights of which the headers are read, nothing else. */
export interface OpenWeights {
  readonly place: WeightsPlace;
  readonly source: WeightSource;
  readonly stamps: FileStamps;
}

/** @throws StartupError of one line for anything wrong with the files; see `openCheckpoint` */
export function openWeights(place: WeightsPlace): OpenWeights {
  const { modelDir, loadFormat } = place;
  if (loadFormat === 'dummy') return { place, source: dummyWeights(), stamps: new FileStamps([]) };
  // Which files there are is known once they are open; their headers count from after their stamps.
  const first = openCheckpoint(modelDir);
  const stamps = new FileStamps(first.files);
  first.close();
  return { place, source: openCheckpoint(modelDir), stamps };
}

/** What tells whether a file is still the one it was: whoever writes it anew changes one of them. */
interface FileStamp {
  readonly file: string;
  readonly size: number;
  readonly modifiedAt: number;
  readonly inode: number;
}

/** Files as they are now. */
export class FileStamps {
  private readonly stamps: readonly FileStamp[];

  /** @throws StartupError for a file that is not there */
  constructor(files: readonly string[]) {
    this.stamps = files.map(stampOf);
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
