import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { isCommit, repositoryDir } from '../hub-cache';

/**
 * The place of one repository in the hub's cache: contents in `blobs` under their tags, links to them in `snapshots/<commit>`,
 * and in `refs` the commits of branches. Everything appears whole or not at all.
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

  /** Lets a snapshot have a file. */
  async link(commit: string, name: string, etag: string): Promise<void> {
    const file = path.join(this.snapshot(commit), name);
    await fs.mkdir(path.dirname(file), { recursive: true });
    const target = path.relative(path.dirname(file), this.blob(etag));
    if ((await fs.readlink(file).catch(() => null)) === target) return;
    await replace(file, (temporary) => fs.symlink(target, temporary));
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
