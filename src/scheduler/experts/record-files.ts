import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A file to be: the end of its name, and its text piece by piece. */
export type FileText = readonly [extension: string, text: Iterable<string>];

/**
 * Writes files of one stem into a folder, which is made where it is missing. They appear whole, or not at all; only this
 * user can read them.
 * @returns their paths
 */
export async function writeFiles(
  folder: string,
  stem: string,
  files: readonly FileText[],
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const paths = files.map(([extension]) => join(folder, `${stem}.${extension}`));
  const made: string[] = [];
  try {
    for (const [i, [, text]] of files.entries()) {
      const path = partial(paths[i] as string);
      // Never into a file that is there, nor through a link: the folder may be everybody's.
      const file = await open(path, 'wx', 0o600);
      made.push(path);
      await pipeline(Readable.from(text), file.createWriteStream());
    }
    for (const path of paths) await rename(partial(path), path);
    return paths;
  } catch (error) {
    for (const path of made) await rm(path, { force: true });
    throw error;
  }
}

function partial(path: string): string {
  return `${path}.partial`;
}
