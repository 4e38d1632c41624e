import * as fs from 'node:fs';
import * as path from 'node:path';
import { StartupError } from '../../core/errors';
import type { ServerArgs } from '../../server-args/server-args';
import { findModelFile, quote } from '../model-files';
import { SHARD_NAME, SINGLE_WEIGHTS, WEIGHTS_INDEX } from '../weight-files';

/** Where a GGUF file stands for a model: a file in place of a folder, or the one that a folder holds. */

/** What begins a GGUF file. */
const MAGIC = 'GGUF';

/** Whether a model's place, once it is found, is a GGUF file and no folder. */
export function isGgufPlace(place: string): boolean {
  return isFile(place);
}

export function isFile(name: string): boolean {
  return fs.statSync(name, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Where the model of a place is: the place itself, or the GGUF file in a folder that holds no other weights.
 * @throws StartupError when it is not in the format that was asked for, or one of several files
 */
export function modelPlace(place: string, loadFormat: ServerArgs['loadFormat']): string {
  if (isGgufPlace(place)) {
    if (loadFormat !== 'safetensors') return place;
    throw new StartupError(`${place}: is a GGUF file, not safetensors (--load-format)`);
  }
  if (loadFormat === 'gguf') return ggufIn(place);
  if (loadFormat === 'safetensors' || !holdsOnlyGguf(place)) return place;
  return loadFormat === 'dummy' && isFile(path.join(place, 'config.json')) ? place : ggufIn(place);
}

/** Where the tokenizer of a place is: a GGUF file counts where there is no tokenizer.json. */
export function tokenizerPlace(place: string): string {
  if (isGgufPlace(place) || isFile(path.join(place, 'tokenizer.json'))) return place;
  return ggufNames(place).length === 1 ? ggufIn(place) : place;
}

/** The folder of a place, for files that may stand beside a GGUF file. */
export function folderOf(place: string): string {
  return isGgufPlace(place) ? path.dirname(place) : place;
}

/** Whether this is a file to be taken for GGUF, by its name or its first bytes. */
export function isGgufFile(file: string): boolean {
  if (!isFile(file)) return false;
  if (file.toLowerCase().endsWith('.gguf')) return true;
  let fd: number | undefined;
  try {
    fd = fs.openSync(file, 'r');
    const magic = Buffer.alloc(MAGIC.length);
    fs.readSync(fd, magic);
    return magic.toString('latin1') === MAGIC;
  } catch {
    return false;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/** The names of a folder's GGUF files; none of one that cannot be read, which others will say. */
function ggufNames(dir: string): string[] {
  return namesIn(dir)
    .filter((name) => name.toLowerCase().endsWith('.gguf'))
    .sort();
}

/** Whether a folder's weights are GGUF files, by what lies in it. */
export function holdsOnlyGguf(dir: string): boolean {
  return ggufNames(dir).length > 0 && !namesIn(dir).some(isSafetensors);
}

/**
 * The GGUF file of a folder.
 * @throws StartupError when there are none or several
 */
function ggufIn(dir: string): string {
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

function namesIn(dir: string): string[] {
  try {
    return fs.readdirSync(dir);
  } catch {
    return [];
  }
}

function isSafetensors(name: string): boolean {
  return name === SINGLE_WEIGHTS || name === WEIGHTS_INDEX || SHARD_NAME.test(name);
}
