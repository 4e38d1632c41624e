import * as path from 'node:path';
import { StartupError, errorMessage } from '../core/errors';
import type { EnvSource } from '../core/env';
import { shippedModelPath } from '../core/package';
import { logger } from '../logging/logger';
import type { ServerArgs } from '../server-args/server-args';
import { isOffline, readHubAccess } from './download/access';
import { openRepository, type Source } from './download/snapshot';
import { isFile, isGgufFile, modelPlace, tokenizerPlace } from './gguf/locate';
import { DEFAULT_REVISION, findSnapshot, hubCacheDir, isFolder, isHubId, isRevisionName } from './hub-cache';
import { RepositoryNotFound } from './repository-not-found';
import { isComplete, type Needs } from './snapshot-complete';

/**
 * Finds a model's folder: the folder itself, one that ships with the package, a snapshot in the Hugging Face hub's local cache,
 * or one that is downloaded into it.
 */

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
  readonly env: EnvSource;
  /** Wait before a download tries something a second time, in milliseconds; half a second by default. */
  readonly retryMs?: number;
}

/** The folders that every process is told. */
export interface ModelFolders {
  /** Folder with config.json and the weights, or a GGUF file, resolved from `--model-path`. */
  readonly modelDir: string;
  /** Folder with tokenizer.json, or a GGUF file, resolved from `--tokenizer-path`. */
  readonly tokenizerDir: string;
}

type FolderArgs = Pick<
  ServerArgs,
  'modelPath' | 'tokenizerPath' | 'revision' | 'downloadDir' | 'loadFormat' | 'skipTokenizerInit'
>;

/**
 * Finds the folders of the model and of its tokenizer, once for all processes. What is not on this machine is downloaded.
 * @param signal ends a download at once
 * @throws StartupError naming the one that cannot be had, where it was looked for and what helps
 */
export async function findModelFolders(
  args: FolderArgs,
  signal: AbortSignal = new AbortController().signal,
): Promise<ModelFolders> {
  const { modelPath, tokenizerPath, loadFormat, skipTokenizerInit } = args;
  const options: HubOptions = { revision: args.revision, downloadDir: args.downloadDir, env: process.env };
  const ownTokenizer = tokenizerPath === modelPath;
  const needs = {
    config: true,
    weights: loadFormat !== 'dummy',
    tokenizer: ownTokenizer && !skipTokenizerInit,
  };
  const modelDir = modelPlace(await find(modelPath, needs, options, signal), loadFormat);
  if (ownTokenizer) return { modelDir, tokenizerDir: modelDir };
  const tokenizerNeeds = { config: false, weights: false, tokenizer: !skipTokenizerInit };
  return {
    modelDir,
    tokenizerDir: tokenizerPlace(await find(tokenizerPath, tokenizerNeeds, options, signal)),
  };
}

async function find(name: string, needs: Needs, options: HubOptions, signal: AbortSignal): Promise<string> {
  if (isFile(name) && !isGgufFile(name)) {
    throw new StartupError(
      `${name} is a file: the folder with config.json and the weights is needed, or a GGUF file.`,
    );
  }
  try {
    return await obtainModel(name, needs, options, signal);
  } catch (error) {
    if (!(error instanceof RepositoryNotFound)) throw error;
    const places = `It is neither a folder nor in the Hugging Face cache ${hubCacheDir(options)}.`;
    throw new StartupError([error.message, places, error.advice].filter((text) => text !== '').join(' '));
  }
}

/**
 * The folder of a model, from the hub where it has to come from there; or its GGUF file.
 * @throws RepositoryNotFound when it is nowhere; StartupError when it cannot be had
 */
export async function obtainModel(
  name: string,
  needs: Needs,
  options: HubOptions,
  signal: AbortSignal,
): Promise<string> {
  if (isGgufFile(name)) return path.resolve(name);
  const local = findLocally(name, options);
  if (local?.snapshot === false) return local.dir;
  const offline = isOffline(options.env);
  if (local !== null && (offline || isComplete(local.dir, needs))) {
    logger.log('info', `Found local HF snapshot for ${name} at ${local.dir}; skipping download.`);
    return local.dir;
  }
  const advice = offline ? 'HF_HUB_OFFLINE forbids to ask the hub for it.' : '';
  if (!isHubId(name) || offline) throw new RepositoryNotFound(name, isHubId(name) ? advice : '');

  const revision = options.revision ?? DEFAULT_REVISION;
  if (!isRevisionName(revision))
    throw new StartupError(`--revision: '${revision}' cannot be the name of a revision.`);
  const source: Source = {
    repo: name,
    revision,
    access: readHubAccess(options.env, options.retryMs),
    cacheDir: hubCacheDir(options),
  };
  const repository = await openRepository(source, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (local === null || !(error instanceof StartupError)) throw error;
    const why = error instanceof RepositoryNotFound ? error.advice : errorMessage(error);
    logger.log('warning', `${name} is not complete in ${local.dir}, and cannot be completed: ${why}`);
    return null;
  });
  return repository === null ? (local?.dir ?? '') : repository.download(needs);
}

/**
 * A model that is on this machine, as far as it is.
 * @param modelPath a folder, the name of a checkpoint that ships with the package, or a hub id such as
 *   `Qwen/Qwen2.5-0.5B-Instruct`. In this order: a folder of that name hides a shipped one
 * @returns null when it is none of them
 */
export function findLocally(modelPath: string, options: HubOptions): ModelDir | null {
  if (isFolder(modelPath)) return { dir: path.resolve(modelPath), snapshot: false };
  const shipped = shippedModelPath(modelPath);
  if (shipped !== null) return { dir: shipped, snapshot: false };
  const dir = isHubId(modelPath)
    ? findSnapshot(hubCacheDir(options), modelPath, options.revision ?? DEFAULT_REVISION)
    : null;
  return dir === null ? null : { dir, snapshot: true };
}
