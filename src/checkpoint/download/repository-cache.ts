import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { warnOnce } from '../../logging/logger';
import { isCommit, repositoryDir } from '../hub-cache';

/**
 * The place of one repository in the hub's cache: contents in `blobs` under their tags, links to them in `snapshots/<commit>`,
 * and in `refs` the commits of branches. Everything appears whole or not at all. Where the file system has no links, contents
 * stand in the snapshots themselves, as with Python's huggingface_hub.
 */
export class RepositoryCache {
  private readonly dir: string;

  constructor(
    readonly cacheDir: string,
    private readonly id: string,
  ) {
    this.dir = repositoryDir(cacheDir, id);
  }

  async create(): Promise<void> {
    await fs.mkdir(path.join(this.dir, 'blobs'), { recursive: true });
  }

  blob(etag: string): string {
    return path.join(this.dir, 'blobs', etag);
  }

  /** The lock that Python's huggingface_hub takes for this blob. */
  lock(etag: string): string {
    return path.join(this.cacheDir, '.locks', path.basename(repositoryDir('', this.id)), `${etag}.lock`);
  }

  snapshot(commit: string): string {
    return path.join(this.dir, 'snapshots', commit);
  }

  /** Whether the blob is there, and of this size where it is known. */
  async hasBlob(etag: string, size: number | null): Promise<boolean> {
    const stat = await fs.stat(this.blob(etag)).catch(() => null);
    return stat !== null && stat.isFile() && (size === null || stat.size === size);
  }

  /** Bytes of a part that can be gone on from. */
  async partSize(etag: string): Promise<number> {
    return (await fs.stat(partOf(this.blob(etag))).catch(() => null))?.size ?? 0;
  }

  /**
   * Lets a snapshot have a file.
   * @param isShared whether another file of the same content is still to come
   */
  async link(commit: string, name: string, etag: string, isShared: boolean): Promise<void> {
    const file = path.join(this.snapshot(commit), name);
    await fs.mkdir(path.dirname(file), { recursive: true });
    const target = path.relative(path.dirname(file), this.blob(etag));
    if ((await fs.readlink(file).catch(() => null)) === target) return;
    await replace(file, async (temporary) => {
      if (await isTaken(fs.symlink(target, temporary))) return;
      if (await isTaken(fs.link(this.blob(etag), temporary))) return;
      warnOnce(
        `${this.cacheDir} is on a file system without links: revisions of a model share no files there.`,
      );
      if (isShared) await fs.copyFile(this.blob(etag), temporary);
      else await fs.rename(this.blob(etag), temporary);
    });
  }

  /** Says which commit a branch or tag stands for; a commit needs no saying. */
  async setRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision)) return;
    const file = path.join(this.dir, 'refs', ...revision.split('/'));
    await fs.mkdir(path.dirname(file), { recursive: true });
    await replace(file, (temporary) => fs.writeFile(temporary, commit));
  }

  /** Bytes that this process may still write. */
  async free(): Promise<number> {
    const { bavail, bsize } = await fs.statfs(this.dir);
    return bavail * bsize;
  }
}

/** Where a blob is while it comes in. */
export function partOf(blob: string): string {
  return `${blob}.incomplete`;
}

async function replace(file: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  await make(temporary);
  await fs.rename(temporary, file);
}

/** How file systems say that they have no links of this kind, or that this user may make none. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** @returns false where there are no links of this kind */
async function isTaken(link: Promise<void>): Promise<boolean> {
  try {
    await link;
    return true;
  } catch (error) {
    if (NO_LINKS.has((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}
