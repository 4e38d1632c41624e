import { randomUUID } from 'node:crypto';
import { errorMessage, StartupError } from '../../core/errors';
import { logger } from '../../logging/logger';
import { quote } from '../model-files';
import type { Expected } from './content-check';
import { withFileLock } from '../file-lock';
import type { HubClient } from './hub-client';
import type { ListedFile } from './listing';
import { PartFile } from './part-file';
import type { DownloadProgress } from './progress';
import { partOf, type RepositoryCache } from './repository-cache';
import { persist, Trouble } from './trouble';

/** A file of the repository with all that the hub says of it. */
export interface RemoteFile extends Expected {
  readonly name: string;
  readonly url: string;
}

/** Asks for a file's tag and size. @throws StartupError */
export async function describe(client: HubClient, commit: string, file: ListedFile): Promise<RemoteFile> {
  const url = client.fileUrl(commit, file.name);
  const { status, headers } = await client.head(
    url,
    file.name,
    (answer) => file.sha256 !== null || hasTag(answer),
  );
  const tag = headers.get('x-linked-etag') ?? file.sha256 ?? headers.get('etag');
  const etag = tag === null ? null : blobName(tag);
  if (etag === null) {
    throw new StartupError(
      `${client.repo}: the hub gives ${quote(file.name)} no ETag by which it could be kept.`,
    );
  }
  const stated = headers.get('x-linked-size') ?? (status === 200 ? headers.get('content-length') : null);
  const size = stated !== null && /^\d{1,15}$/.test(stated) ? Number(stated) : file.size;
  return { name: file.name, url, etag, size, sha256: file.sha256 };
}

function hasTag(headers: Headers): boolean {
  return headers.has('x-linked-etag') || headers.has('etag');
}

/** The tag without its quotes, as a name that leads nowhere else; null where it cannot be one. */
function blobName(tag: string): string | null {
  const name = encodeURIComponent(tag.replace(/^W\//, '').replace(/^"|"$/g, ''));
  return /^[^.].{0,199}$/.test(name) ? name : null;
}

/**
 * Brings a file into the cache, from where an earlier transfer broke off. Several processes may want the same one: the first brings
 * it, the others wait.
 * @throws StartupError when it cannot be had, or is not what the hub says that it is
 */
export async function transfer(
  client: HubClient,
  cache: RepositoryCache,
  file: RemoteFile,
  progress: DownloadProgress,
): Promise<void> {
  const onWait = () =>
    logger.log('info', `${quote(file.name)} is being downloaded by another process: waiting for it.`);
  await withFileLock(cache.lock(file.etag), client.signal, onWait, async (exclusive) => {
    if (await cache.hasBlob(file.etag, file.size)) return progress.add(file.size ?? 0);
    const blob = cache.blob(file.etag);
    // Where nothing can be locked nobody else may write to this part, and so nobody goes on from it.
    const part = await PartFile.open(partOf(exclusive ? blob : `${blob}.${randomUUID()}`), file);
    try {
      progress.add(part.size);
      if (part.size > 0) logger.log('info', `Going on with ${quote(file.name)} at byte ${part.size}.`);
      await receive(client, file, part, progress);
      await part.moveTo(blob);
    } finally {
      await part.close();
    }
  });
}

/** Completes a part. What is wrong with one that began earlier may be wrong with its beginning: it gets a second chance. */
async function receive(
  client: HubClient,
  file: RemoteFile,
  part: PartFile,
  progress: DownloadProgress,
): Promise<void> {
  let isPieced = part.size > 0;
  for (;;) {
    const attempts = { count: 0 };
    // A part may be whole already.
    if (part.size !== file.size || part.size === 0) {
      await persist(
        () => {
          attempts.count++;
          return receiveOnce(client, file, part, progress);
        },
        client.patience,
        () => part.size,
      );
    }
    const fault = part.fault();
    if (fault === null) return;
    progress.add(-part.size);
    if (isPieced || attempts.count > 1) {
      logger.log(
        'warning',
        `${client.repo}: ${quote(file.name)} is damaged (${fault}): downloading it anew.`,
      );
      await part.restart();
      isPieced = false;
      continue;
    }
    await part.remove();
    throw new StartupError(
      `${client.repo}: ${quote(file.name)} from ${client.access.endpoint} is not what the hub says that it is: ${fault}. ` +
        'It was thrown away; try again later.',
    );
  }
}

/** @throws Trouble when it breaks off */
async function receiveOnce(
  client: HubClient,
  file: RemoteFile,
  part: PartFile,
  progress: DownloadProgress,
): Promise<void> {
  const answer = await client.get(file.url, file.name, part.size);
  const { status, headers } = answer.response;
  const goesOn = status === 206 && rangeStart(headers) === part.size;
  if (part.size > 0 && !goesOn) {
    progress.add(-part.size);
    await part.restart();
  }
  if (status === 416 || (status === 206 && !goesOn)) {
    answer.silence.stop();
    await answer.response.body?.cancel();
    throw brokenOff(client, file, `the answer ${status} does not fit what was asked for`);
  }
  for await (const chunk of client.chunks(answer, file.name)) {
    await part.append(chunk);
    progress.add(chunk.length);
    if (file.size !== null && part.size > file.size) break;
  }
  if (file.size !== null && part.size < file.size) {
    throw brokenOff(client, file, `${part.size} of ${file.size} bytes came`);
  }
}

function brokenOff({ repo }: HubClient, { name }: RemoteFile, reason: string): Trouble {
  return new Trouble(
    new StartupError(
      `${repo}: ${quote(name)} could not be received to the end (${errorMessage(reason)}). What is there is kept; another start goes on from it.`,
    ),
  );
}

function rangeStart(headers: Headers): number {
  return Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1] ?? -1);
}
