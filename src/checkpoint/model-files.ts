import * as fs from 'node:fs';
import * as path from 'node:path';
import { errorMessage, StartupError } from '../core/errors';

/**
 * The files of a model folder, which may come from a stranger: every path that is opened goes through here, so that
 * neither a file name nor a symbolic link leads out of the folder.
 */

/** Names and values of model files, cut and escaped so that an error stays one line. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  const escaped = JSON.stringify(text.slice(0, 120)).slice(1, -1).replaceAll('\\"', '"');
  return `'${escaped}${text.length > 120 ? '…' : ''}'`;
}

/**
 * Finds a file of a model folder.
 * @param name relative to the folder; sub-folders are allowed, `..` is not
 * @returns the real path (links resolved), or null when there is no such file
 * @throws StartupError when the name or a link leaves the folder (the hub cache's own `blobs` folder is part of a
 *   snapshot), when a link leads nowhere, or when it is not a regular file
 */
export function findModelFile(dir: string, name: string): string | null {
  const shown = `${dir}: file ${quote(name)}`;
  const parts = name.split('/');
  if (/[\\\0]/.test(name) || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new StartupError(`${shown} is not a name inside the folder`);
  }
  const roots = rootsOf(dir);
  const file = path.join(dir, name);
  const real = realPath(file);
  if (real === null) {
    if (!isLink(file)) return null;
    throw new StartupError(`${shown} is a link to a file that does not exist (incomplete download?)`);
  }
  if (!roots.some((root) => real.startsWith(root + path.sep))) {
    throw new StartupError(`${shown} is a link that leaves the folder`);
  }
  if (!fs.statSync(real).isFile()) throw new StartupError(`${shown} is not a regular file`);
  return real;
}

/**
 * Reads a text file of a model folder.
 * @param maxBytes refuses larger files before reading them
 * @returns null when there is no such file
 * @throws StartupError as `findModelFile`, or when it cannot be read
 */
export function readModelText(dir: string, name: string, maxBytes: number): string | null {
  const file = findModelFile(dir, name);
  if (file === null) return null;
  const shown = path.join(dir, name);
  const { size } = fs.statSync(file);
  if (size > maxBytes) throw new StartupError(`${shown}: ${size} bytes are too many for this file`);
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartupError(`${shown}: ${errorMessage(error)}`);
  }
}

/**
 * Reads a JSON object of a model folder.
 * @returns null when there is no such file
 * @throws StartupError as `readModelText`, or when it is not a JSON object
 */
export function readModelJson(dir: string, name: string): Record<string, unknown> | null {
  const text = readModelText(dir, name, 4 * 2 ** 20);
  return text === null ? null : parseJsonObject(text, path.join(dir, name));
}

/** @throws StartupError starting with `shown` when the text is not a JSON object */
export function parseJsonObject(text: string, shown: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new StartupError(`${shown}: is not valid JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StartupError(`${shown}: must be a JSON object`);
  }
  return value as Record<string, unknown>;
}

/** The folders that the real path of a model file may lie in. */
function rootsOf(dir: string): string[] {
  const root = realPath(dir);
  if (root === null) throw new StartupError(`${dir}: no such folder`);
  const snapshots = path.dirname(root);
  const repo = path.dirname(snapshots);
  const inHubCache = path.basename(snapshots) === 'snapshots' && path.basename(repo).startsWith('models--');
  return inHubCache ? [root, path.join(repo, 'blobs')] : [root];
}

function realPath(file: string): string | null {
  try {
    return fs.realpathSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new StartupError(`${file}: ${errorMessage(error)}`);
  }
}

function isLink(file: string): boolean {
  try {
    return fs.lstatSync(file).isSymbolicLink();
  } catch {
    return false;
  }
}
