import { errorMessage, StartupError } from '../../core/errors';
import { isCommit } from '../hub-cache';
import { quote } from '../model-files';
import { RepositoryNotFound } from '../repository-not-found';
import type { HubClient } from './hub-client';

/** A file of a repository, as far as the list of files says. */
export interface ListedFile {
  readonly name: string;
  /** Bytes; null where the hub lists names only. */
  readonly size: number | null;
  /** SHA-256 of the content, for files that are kept apart from the repository. */
  readonly sha256: string | null;
}

export interface Listing {
  readonly commit: string;
  readonly files: readonly ListedFile[];
}

/**
 * The commit that the client's revision stands for, and the files at it.
 * @throws StartupError for what the hub refuses, and for names that would leave the folder
 */
export async function listRepository(client: HubClient): Promise<Listing> {
  // Here and not above: a server that has its model does without.
  const hub = await import('@huggingface/hub');
  const { repo, revision, fetch, access } = client;
  const hubUrl = access.endpoint;
  const readable = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof StartupError || client.signal.aborted) throw error;
      throw new StartupError(
        `${repo}: ${hubUrl} does not answer as a hub does: ${quote(errorMessage(error))}`,
      );
    }
  };
  const info = await readable(
    hub.modelInfo({ name: repo, revision, hubUrl, fetch, additionalFields: ['sha', 'filePaths'] }),
  );
  const commit: unknown = info.sha;
  if (typeof commit !== 'string' || !isCommit(commit)) {
    throw new StartupError(`${repo}: ${hubUrl} says ${quote(commit)} where a commit is expected.`);
  }
  const files = await readable(listTree());
  const outside = files.find(({ name }) => !isInside(name));
  if (outside !== undefined) {
    throw new StartupError(
      `${repo}: the hub lists a file ${quote(outside.name)}, which is not a name inside the folder.`,
    );
  }
  return { commit, files };

  async function listTree(): Promise<ListedFile[]> {
    const files: ListedFile[] = [];
    try {
      const name = { type: 'model', name: repo } as const;
      for await (const entry of hub.listFiles({
        repo: name,
        revision: String(commit),
        recursive: true,
        hubUrl,
        fetch,
      })) {
        if (entry.type !== 'file') continue;
        const { path: file, size, lfs } = entry;
        const sha256: unknown = lfs?.oid;
        files.push({
          name: String(file),
          size: Number.isSafeInteger(size) && size >= 0 ? size : null,
          sha256: typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : null,
        });
      }
      return files;
    } catch (error) {
      // Some mirrors have no such list, but name the files beside the commit.
      if (!(error instanceof RepositoryNotFound) || info.filePaths.length === 0) throw error;
      return info.filePaths.map((name) => ({ name: String(name), size: null, sha256: null }));
    }
  }
}

/** Whether a name, joined to a folder, stays in it. */
function isInside(name: string): boolean {
  return (
    !/[\\\0]/.test(name) && name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}
