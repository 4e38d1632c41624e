import { openLibrary } from '../../core/native-library';

let trim: ((keep: number) => number) | null | undefined;

/** malloc_trim(3) of the C library that this process already uses; null where it has none. */
function loadTrim(): ((keep: number) => number) | null {
  if (process.platform !== 'linux') return null;
  try {
    return openLibrary(null).func('int malloc_trim(size_t)') as (keep: number) => number;
  } catch {
    // musl has none, and gives freed memory back by itself.
    return null;
  }
}

/** Has the C library give back to the operating system what native code has freed. */
export function trimHeap(): void {
  trim ??= loadTrim();
  trim?.(0);
}
