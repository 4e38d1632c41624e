import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { errorMessage, StartupError } from '../../core/errors';

/** Finds a model's folder: the folder itself, or a snapshot that the Hugging Face hub's local cache holds. */

export interface ModelDir {
  readonly dir: string;
  /** True for a snapshot of the hub cache, false for a folder that was named directly. */
  readonly snapshot: boolean;
}

export interface HubOptions {
  /** Branch, tag or commit; null is `main`. */
  readonly revision: string | null;
  /** Cache folder that wins over the environment. */
  readonly downloadDir: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What is said of a path that is neither a folder nor in the cache. */
export function repositoryNotFound(modelPath: string): string {
  return `${modelPath} (repository not found).`;
}

/** The sentence for weights that cannot be opened, e.g. `Failed to get weights iterator: x (repository not found).` */
export function weightsIteratorFailure(error: unknown): string {
  return `Failed to get weights iterator: ${errorMessage(error).replace(/\.?$/, '.')}`;
}

/**
 * @param modelPath a folder, or a hub id such as `Qwen/Qwen2.5-0.5B-Instruct`; nothing is downloaded
 * @throws StartupError `<path> (repository not found).` when it is neither
 */
export function resolveModelDir(modelPath: string, options: HubOptions): ModelDir {
  if (isFolder(modelPath)) return { dir: path.resolve(modelPath), snapshot: false };
  if (isHubId(modelPath)) {
    const repo = path.join(hubCacheDir(options), `models--${modelPath.replaceAll('/', '--')}`);
    const dir = findSnapshot(repo, options.revision ?? 'main');
    if (dir !== null) return { dir, snapshot: true };
  }
  throw new StartupError(repositoryNotFound(modelPath));
}

/** The hub cache as huggingface_hub finds it. */
export function hubCacheDir({ downloadDir, env }: Pick<HubOptions, 'downloadDir' | 'env'>): string {
  const home = env['HOME'] || os.homedir();
  const dir =
    downloadDir ||
    env['HF_HUB_CACHE'] ||
    env['HUGGINGFACE_HUB_CACHE'] ||
    path.join(env['HF_HOME'] || path.join(env['XDG_CACHE_HOME'] || '~/.cache', 'huggingface'), 'hub');
  return path.resolve(dir.replace(/^~(?=\/|$)/, () => home));
}

/** Ids become folder names: at most one slash, no `..`, no `--`. */
function isHubId(id: string): boolean {
  const part = /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/;
  const parts = id.split('/');
  return id.length <= 96 && parts.length <= 2 && parts.every((p) => part.test(p)) && !/\.\.|--/.test(id);
}

function findSnapshot(repo: string, revision: string): string | null {
  const commit = readRef(repo, revision) ?? revision;
  if (!/^[0-9a-f]{40}$/.test(commit)) return null;
  const dir = path.join(repo, 'snapshots', commit);
  return isFolder(dir) ? dir : null;
}

/** The commit that a branch or tag points to, or null. */
function readRef(repo: string, revision: string): string | null {
  const parts = revision.split('/');
  if (!parts.every((part) => /^[A-Za-z0-9._+@-]+$/.test(part) && part !== '.' && part !== '..')) return null;
  const file = path.join(repo, 'refs', ...parts);
  try {
    return fs.statSync(file).size <= 256 ? fs.readFileSync(file, 'utf8').trim() : null;
  } catch {
    return null;
  }
}

function isFolder(dir: string): boolean {
  try {
    return fs.statSync(dir).isDirectory();
  } catch {
    return false;
  }
}
