import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { EnvSource } from '../core/env';

/** The Hugging Face hub's local cache, where Python's huggingface_hub has it: its folders and what lies in them. */

/** What a branch is called that is asked for by no name. */
export const DEFAULT_REVISION = 'main';

const COMMIT = /^[0-9a-f]{40}$/;

/** The folder of everything that belongs to the hub's clients: the cache, the token. */
export function hubHome(env: EnvSource): string {
  return expand(env['HF_HOME'] || path.join(env['XDG_CACHE_HOME'] || '~/.cache', 'huggingface'), env);
}

/**
 * The folder of the cache.
 * @param downloadDir wins over the environment
 */
export function hubCacheDir({
  downloadDir,
  env,
}: {
  readonly downloadDir: string | null;
  readonly env: EnvSource;
}): string {
  const dir =
    downloadDir || env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || path.join(hubHome(env), 'hub');
  return expand(dir, env);
}

/** The path with the home folder in place of `~`, absolute. */
export function expand(file: string, env: EnvSource): string {
  return path.resolve(file.replace(/^~(?=\/|$)/, () => env['HOME'] || os.homedir()));
}

/** Ids become folder names: at most one slash, no `..`, no `--`. */
export function isHubId(id: string): boolean {
  const part = /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$/;
  const parts = id.split('/');
  return id.length <= 96 && parts.length <= 2 && parts.every((p) => part.test(p)) && !/\.\.|--/.test(id);
}

export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** Whether a branch or tag of this name can have a file in `refs`. */
export function isRevisionName(revision: string): boolean {
  return revision.split('/').every((part) => /^[^\x00-\x20\\]+$/.test(part) && part !== '.' && part !== '..');
}

/** The folder of a repository in the cache. */
export function repositoryDir(cacheDir: string, id: string): string {
  return path.join(cacheDir, `models--${id.replaceAll('/', '--')}`);
}

/** The folder of a revision's files, as far as they are there; null where there is none. */
export function findSnapshot(cacheDir: string, id: string, revision: string): string | null {
  const repo = repositoryDir(cacheDir, id);
  const commit = readRef(repo, revision) ?? revision;
  if (!isCommit(commit)) return null;
  const dir = path.join(repo, 'snapshots', commit);
  return isFolder(dir) ? dir : null;
}

/** The commit that a branch or tag points to, or null. */
function readRef(repo: string, revision: string): string | null {
  if (!isRevisionName(revision)) return null;
  const file = path.join(repo, 'refs', ...revision.split('/'));
  try {
    return fs.statSync(file).size <= 256 ? fs.readFileSync(file, 'utf8').trim() : null;
  } catch {
    return null;
  }
}

export function isFolder(dir: string): boolean {
  try {
    return fs.statSync(dir).isDirectory();
  } catch {
    return false;
  }
}
