import { StartupError } from '../../core/errors';
import { bytesText } from './progress';

const OTHER_PLACE = '--download-dir, HF_HUB_CACHE or HF_HOME name another place';

/** What an error of the file system means for the cache; other errors as they are. */
export function storageTrouble(error: unknown, cacheDir: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return error;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StartupError(
        `No disk space is left in ${cacheDir}. What was downloaded is kept; ${OTHER_PLACE}.`,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new StartupError(`${cacheDir} cannot be written (${code}): ${OTHER_PLACE}.`);
    default:
      return new StartupError(`${cacheDir}: ${(error as Error).message}`);
  }
}

/** What is said before a download that would not fit. */
export function tooLarge(repo: string, needed: number, free: number, cacheDir: string): StartupError {
  return new StartupError(
    `${repo} needs ${bytesText(needed)} more of disk space in ${cacheDir}, where ${bytesText(free)} are free: ${OTHER_PLACE}.`,
  );
}
