import koffi from 'koffi';
import { openLibrary } from '../../../core/native-library';

/** Page size to align to: a multiple of every page size in use, so that alignment holds on any machine. */
const PAGE_BYTES = 65_536;

/** `MADV_DONTNEED` on Linux: the pages are given back at once and read as zeros when touched again. */
const MADV_DONTNEED = 4;

type Advise = (address: bigint, bytes: number, advice: number) => number;

let advise: Advise | null | undefined;

/** madvise(2) of the C library this process already uses; null where it does not give pages back at once. */
function loadAdvise(): Advise | null {
  if (process.platform !== 'linux') return null;
  return openLibrary(null).func('int madvise(void *, size_t, int)') as Advise;
}

/**
 * Gives the whole pages within a piece of an array back to the operating system; the piece reads as zeros afterwards. Only
 * for content that nobody needs. Does nothing where the system cannot do it.
 * @param from first element of the piece
 * @param to one past its last element
 */
export function releasePages(array: Float32Array | Int8Array, from: number, to: number): void {
  advise ??= loadAdvise();
  if (!advise) return;
  const base = koffi.address(array);
  const page = BigInt(PAGE_BYTES);
  const start = base + BigInt(from * array.BYTES_PER_ELEMENT);
  const end = base + BigInt(to * array.BYTES_PER_ELEMENT);
  const firstPage = ((start + page - 1n) / page) * page;
  const lastPage = (end / page) * page;
  if (lastPage > firstPage) advise(firstPage, Number(lastPage - firstPage), MADV_DONTNEED);
}
