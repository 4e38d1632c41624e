import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { errorMessage, StartupError } from '../core/errors';
import { shippedModelPath } from '../core/package';
import { logger } from '../logging/logger';
import type { ServerArgs } from '../server-args/server-args';

/** Finds a model's folder: the folder itself, one that ships with the package, or a snapshot that the Hugging Face hub's local cache holds. */

export interface ModelDir {
  readonly dir: string;
  /** True for a snapshot of the hub cache, false for a folder that was named directly or that ships with the package. */
  readonly snapshot: boolean;
}

export interface HubOptions {
  /** Branch, tag or commit; null is `main`. */
  readonly revision: string | null;
  /** Cache folder that wins over the environment. */
  readonly downloadDir: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The folders that every process is told. */
export interface ModelFolders {
  /** Folder with config.json and the weights, resolved from `--model-path`. */
  readonly modelDir: string;
  /** Folder with tokenizer.json, resolved from `--tokenizer-path`. */
  readonly tokenizerDir: string;
}

/**
 * Finds the folders of the model and of its tokenizer, once for all processes.
 * @throws StartupError naming the one that is missing and where it was looked for
 */
export function findModelFolders(
  args: Pick<ServerArgs, 'modelPath' | 'tokenizerPath' | 'revision' | 'downloadDir'>,
): ModelFolders {
  const options: HubOptions = { revision: args.revision, downloadDir: args.downloadDir, env: process.env };
  const modelDir = find(args.modelPath, options);
  const tokenizerDir = args.tokenizerPath === args.modelPath ? modelDir : find(args.tokenizerPath, options);
  return { modelDir, tokenizerDir };
}

function find(name: string, options: HubOptions): string {
  if (fs.statSync(name, { throwIfNoEntry: false })?.isFile()) {
    throw new StartupError(`${name} is a file: the folder with config.json and the weights is needed.`);
  }
  try {
    const { dir, snapshot } = resolveModelDir(name, options);
    if (snapshot) logger.log('info', `Found local HF snapshot for ${name} at ${dir}; skipping download.`);
    return dir;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    throw new StartupError(
      `${errorMessage(error)} It is neither a folder nor in the Hugging Face cache ${hubCacheDir(options)}; ` +
        'models are not downloaded by the server.',
    );
  }
}

/** What is said of a path that is neither a folder nor in the cache. */
export function repositoryNotFound(modelPath: string): string {
  return `${modelPath} (repository not found).`;
}

/**
 * @param modelPath a folder, the name of a checkpoint that ships with the package, or a hub id such as
 *   `Qwen/Qwen2.5-0.5B-Instruct`; nothing is downloaded. In this order: a folder of that name hides a shipped one
 * @throws StartupError `<path> (repository not found).` when it is none of them
 */
export function resolveModelDir(modelPath: string, options: HubOptions): ModelDir {
  if (isFolder(modelPath)) return { dir: path.resolve(modelPath), snapshot: false };
  const shipped = shippedModelPath(modelPath);
  if (shipped !== null) return { dir: shipped, snapshot: false };
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
