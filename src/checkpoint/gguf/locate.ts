import * as fs from 'node:fs';
import * as path from 'node:path';
import { StartupError } from '../../core/errors';
import { findModelFile, quote } from '../model-files';
import { SHARD_NAME, SINGLE_WEIGHTS, WEIGHTS_INDEX } from '../weight-files';

/** Where a GGUF file stands for a model: a file in place of a folder, or the one that a folder holds. */

/** What begins a GGUF file. */
const MAGIC = 'GGUF';

/** Whether a model's place, once it is found, is a GGUF file and no folder. */
export function isGgufPlace(place: string): boolean {
  return fs.statSync(place, { throwIfNoEntry: false })?.isFile() === true;
}

/** Whether a file is to be taken for a GGUF file, by its name or its first bytes. */
export function looksLikeGguf(file: string): boolean {
  if (file.toLowerCase().endsWith('.gguf')) return true;
  const fd = fs.openSync(file, 'r');
  try {
    const magic = Buffer.alloc(MAGIC.length);
    fs.readSync(fd, magic);
    return magic.toString('latin1') === MAGIC;
  } finally {
    fs.closeSync(fd);
  }
}

/** The names of a folder's GGUF files. */
export function ggufNames(dir: string): string[] {
  const names = fs.statSync(dir, { throwIfNoEntry: false })?.isDirectory() ? fs.readdirSync(dir) : [];
  return names.filter((name) => name.toLowerCase().endsWith('.gguf')).sort();
}

/** Whether a folder's weights are GGUF files, by what lies in it. */
export function holdsOnlyGguf(dir: string): boolean {
  return ggufNames(dir).length > 0 && !fs.readdirSync(dir).some(isSafetensors);
}

/**
 * The GGUF file of a folder.
 * @throws StartupError when there are none or several
 */
export function ggufIn(dir: string): string {
  const names = ggufNames(dir);
  const [name, ...others] = names;
  if (name === undefined) throw new StartupError(`${dir}: no .gguf file`);
  if (others.length > 0) {
    throw new StartupError(
      `${dir}: holds ${names.length} .gguf files (${names.slice(0, 3).map(quote).join(', ')}${names.length > 3 ? ' …' : ''}): name one of them`,
    );
  }
  // The name stays the folder's own: links of the hub's cache lead to names that say nothing.
  findModelFile(dir, name);
  return path.join(dir, name);
}

function isSafetensors(name: string): boolean {
  return name === SINGLE_WEIGHTS || name === WEIGHTS_INDEX || SHARD_NAME.test(name);
}
