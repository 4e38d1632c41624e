import * as fs from 'node:fs/promises';
import { errorMessage, StartupError } from '../../core/errors';
import { logger } from '../../logging/logger';
import type { Needs } from '../snapshot-complete';
import { MAX_INDEX_BYTES } from '../weight-files';
import type { HubAccess } from './access';
import { chooseFirst, chooseNamed, DIRECTORIES } from './choose-files';
import { HubClient } from './hub-client';
import { listRepository, type Listing } from './listing';
import { bytesText, DownloadProgress } from './progress';
import { RepositoryCache } from './repository-cache';
import { storageTrouble, tooLarge } from './storage-trouble';
import { describe, transfer, type RemoteFile } from './transfer';

/** Files that come at the same time. */
const AT_ONCE = 4;

export interface Source {
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  readonly access: HubAccess;
  readonly cacheDir: string;
}

/** A repository whose files are known. */
export interface OpenRepository {
  /** Brings what is needed into the cache. @returns the folder of the snapshot */
  download(needs: Needs): Promise<string>;
}

/**
 * Asks the hub for a repository.
 * @param signal ends everything at once; what has come is kept
 * @throws RepositoryNotFound, or StartupError of one line
 */
export async function openRepository(source: Source, signal: AbortSignal): Promise<OpenRepository> {
  const client = new HubClient(source.access, source.repo, source.revision, signal);
  const listing = await listRepository(client);
  return { download: (needs) => download(source, listing, needs, signal) };
}

async function download(
  { repo, revision, access, cacheDir }: Source,
  { commit, files }: Listing,
  needs: Needs,
  signal: AbortSignal,
): Promise<string> {
  const names = files.map(({ name }) => name);
  const first = chooseFirst(repo, names, needs);
  const begin = performance.now();
  logger.log(
    'info',
    `Downloading ${repo} (${revision}, commit ${commit}) from ${access.endpoint} to ${cacheDir}`,
  );
  const cache = new RepositoryCache(cacheDir, repo);
  const progress = new DownloadProgress(repo);
  // One file that fails ends the others.
  const failure = new AbortController();
  const client = new HubClient(access, repo, revision, AbortSignal.any([signal, failure.signal]));

  const bring = async (chosen: readonly string[]): Promise<RemoteFile[]> => {
    const listed = files.filter(({ name }) => chosen.includes(name));
    const remote = await concurrently(listed, (file) => describe(client, commit, file), failure);
    const missing = await sizesOfMissing(cache, remote);
    const [needed, free] = [sum(missing.values()), await cache.free()];
    if (needed > free) throw tooLarge(repo, needed, free, cacheDir);
    progress.expect(sum([...missing.keys()].map((file) => file.size ?? 0)));
    await concurrently([...missing.keys()], (file) => transfer(client, cache, file, progress), failure);
    return remote;
  };

  try {
    await cache.create();
    const there = await bring(first);
    const named = chooseNamed(repo, names, await readDirectories(cache, there));
    const all = [...there, ...(await bring(named.filter((name) => !first.includes(name))))];
    // The one that a snapshot is known by comes last: until then it is not one.
    const isLast = ({ name }: RemoteFile) => Number(name === 'config.json');
    all.sort((a, b) => isLast(a) - isLast(b));
    for (const [i, { name, etag }] of all.entries()) {
      const isShared = all.slice(i + 1).some((other) => other.etag === etag);
      await cache.link(commit, name, etag, isShared);
    }
    await cache.setRef(revision, commit);
    const [size, seconds] = [sum(all.map((file) => file.size ?? 0)), (performance.now() - begin) / 1000];
    logger.log(
      'info',
      `Downloaded ${repo}: ${all.length} files, ${bytesText(size)}, in ${seconds.toFixed(1)} s`,
    );
    return cache.snapshot(commit);
  } catch (error) {
    signal.throwIfAborted();
    throw storageTrouble(error, cacheDir);
  } finally {
    progress.stop();
  }
}

/** Files that are not in the cache, with the bytes that are missing of each. */
async function sizesOfMissing(
  cache: RepositoryCache,
  files: readonly RemoteFile[],
): Promise<Map<RemoteFile, number>> {
  const missing = new Map<string, [RemoteFile, number]>();
  for (const file of files) {
    if (await cache.hasBlob(file.etag, file.size)) continue;
    missing.set(file.etag, [file, Math.max((file.size ?? 0) - (await cache.partSize(file.etag)), 0)]);
  }
  return new Map(missing.values());
}

/** What is wrong with these files is the loader's to say, which knows their place. */
async function readDirectories(
  cache: RepositoryCache,
  files: readonly RemoteFile[],
): Promise<Parameters<typeof chooseNamed>[2]> {
  const content: Record<string, unknown> = {};
  for (const { name, etag } of files) {
    if (!DIRECTORIES.some((directory) => directory === name)) continue;
    const blob = cache.blob(etag);
    if ((await fs.stat(blob)).size > MAX_INDEX_BYTES)
      throw new StartupError(`${blob} (${name}) is too large.`);
    try {
      content[name] = JSON.parse(await fs.readFile(blob, 'utf8'));
    } catch (error) {
      throw new StartupError(`${blob} (${name}) is not valid JSON: ${errorMessage(error)}`);
    }
  }
  return content;
}

/** The results of work on several things at a time; the first error aborts the others, and comes when they have ended. */
async function concurrently<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  failure: AbortController,
): Promise<R[]> {
  const results: R[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length && errors.length === 0; i = next++) {
      try {
        results[i] = await work(items[i] as T);
      } catch (error) {
        errors.push(error);
        failure.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}
