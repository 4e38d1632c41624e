import koffi from 'koffi';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLibrary } from '../core/native-library';

const EXCLUSIVE_NOW = 2 | 4;
const POLL_MS = 200;
/** As Python's huggingface_hub makes it: a group may share a cache. */
const MODE = 0o664;

/**
 * Does something while no other process does it that locks the same file. It is flock(2), which Python's huggingface_hub takes
 * on the same files, and which ends with the process however that ends.
 * @param onWait called once when another process holds the lock
 * @param work is told false where the file system has no such locks: others may be at it as well
 */
export async function withFileLock<T>(
  file: string,
  signal: AbortSignal,
  onWait: () => void,
  work: (exclusive: boolean) => Promise<T>,
): Promise<T> {
  await fs.mkdir(path.dirname(file), { recursive: true });
  let handle = await fs.open(file, 'a', MODE);
  try {
    let waits = false;
    for (;;) {
      const result = tryLock(handle.fd);
      if (result === 'none') return await work(false);
      if (result === 'held' && (await isAt(file, handle))) return await work(true);
      if (result === 'busy') {
        if (!waits) onWait();
        waits = true;
        await sleep(POLL_MS, undefined, { signal });
      } else {
        // Whoever held it has deleted it: the next one locks another file of that name.
        await handle.close();
        handle = await fs.open(file, 'a', MODE);
      }
    }
  } finally {
    await handle.close();
  }
}

async function isAt(file: string, handle: fs.FileHandle): Promise<boolean> {
  const [ours, there] = await Promise.all([handle.stat(), fs.stat(file).catch(() => null)]);
  return there !== null && ours.ino === there.ino && ours.dev === there.dev;
}

/** Node has no flock; the C library in its process does. Its functions are looked up where they are first needed. */
function tryLock(fd: number): 'held' | 'busy' | 'none' {
  flock ??= openLibrary(null).func('int flock(int, int)') as Flock;
  if (flock(fd, EXCLUSIVE_NOW) === 0) return 'held';
  const { EWOULDBLOCK, EAGAIN, EINTR } = koffi.os.errno;
  return [EWOULDBLOCK, EAGAIN, EINTR].includes(koffi.errno()) ? 'busy' : 'none';
}

type Flock = (fd: number, operation: number) => number;
let flock: Flock | undefined;
