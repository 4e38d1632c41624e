import { bug } from '../../core/errors';

const NO_SLOTS = new Int32Array(0);

/**
 * Hands out token slots, the integers 0..total-1, in whole pages.
 *
 * Free pages are bits of a bitmap, so neighbours coalesce by themselves and a page freed twice is noticed. A request is
 * served first-fit by one run if there is one, else by runs of at least half the size, a quarter, and so on. Long runs
 * make copies in and out of the cache cheap; short requests fill the low holes.
 * A call costs O(pages asked) when memory is not fragmented, and a few walks over the free runs when it is.
 */
export class SlotAllocator {
  /** Slots in all: the given number of tokens, rounded down to whole pages. */
  readonly total: number;
  private readonly pages: number;
  /** One bit a page, set while it is free. Bits past the last page mean nothing. */
  private readonly freeBits: Int32Array;
  private freePages = 0;
  /** No page below this one is free. */
  private lowest = 0;

  constructor(
    totalTokens: number,
    readonly pageSize: number,
  ) {
    if (!Number.isInteger(pageSize) || pageSize < 1) throw bug(`page size ${pageSize}`);
    this.pages = Math.max(0, Math.floor(totalTokens / pageSize));
    this.total = this.pages * pageSize;
    this.freeBits = new Int32Array((this.pages + 31) >> 5);
    this.reset();
  }

  /** Slots that `alloc` can still hand out. */
  get available(): number {
    return this.freePages * this.pageSize;
  }

  /** Whether a slot belongs to a free page. */
  isFree(slot: number): boolean {
    return this.isPageFree(this.pageOf(slot));
  }

  /**
   * Takes slots out of the free ones.
   * @param count a multiple of the page size
   * @returns the slots, page by page, each page ascending; null (and nothing taken) when fewer are free
   */
  alloc(count: number): Int32Array | null {
    if (count < 0 || count % this.pageSize !== 0) throw bug(`${count} slots are not whole pages`);
    if (count > this.available) return null;
    if (count === 0) return NO_SLOTS;
    const slots = new Int32Array(count);
    let filled = 0;
    let minRun = count / this.pageSize;
    while (filled < count) {
      let longestLeft = 0;
      for (let page = this.firstFree(); page < this.pages && filled < count;) {
        const wanted = (count - filled) / this.pageSize;
        const end = this.nextUsed(page, Math.min(this.pages, page + wanted));
        if (end - page >= Math.min(minRun, wanted)) filled = this.take(page, end, slots, filled);
        else longestLeft = Math.max(longestLeft, end - page);
        page = this.nextFree(end);
      }
      minRun = Math.min(minRun >> 1, longestLeft);
    }
    return slots;
  }

  /**
   * Gives back the pages that hold these slots. Any part of a page stands for the whole page; the slots of one page
   * must follow each other.
   */
  free(slots: Int32Array): void {
    let last = -1;
    for (const slot of slots) {
      const page = this.pageOf(slot);
      if (page === last) continue;
      if (this.isPageFree(page)) throw bug(`slot ${slot} is freed twice`);
      this.freeBits[page >> 5]! |= 1 << (page & 31);
      this.freePages++;
      this.lowest = Math.min(this.lowest, page);
      last = page;
    }
  }

  /** Makes every slot free again, whoever held it. */
  reset(): void {
    this.freeBits.fill(-1);
    this.freePages = this.pages;
    this.lowest = 0;
  }

  /** Marks the pages [from, to) as used and writes their slots to `slots` from `filled` on; returns where it ended. */
  private take(from: number, to: number, slots: Int32Array, filled: number): number {
    for (let page = from; page < to; page++) this.freeBits[page >> 5]! &= ~(1 << (page & 31));
    this.freePages -= to - from;
    for (let slot = from * this.pageSize; slot < to * this.pageSize; slot++) slots[filled++] = slot;
    return filled;
  }

  private firstFree(): number {
    this.lowest = this.nextFree(this.lowest);
    return this.lowest;
  }

  /** The first free page at or after `from`, or the number of pages. */
  private nextFree(from: number): number {
    return this.nextBit(from, this.pages, 0);
  }

  /** The first page in use at or after `from`, or `limit`. */
  private nextUsed(from: number, limit: number): number {
    return this.nextBit(from, limit, -1);
  }

  /** The first page in [from, limit) whose bit differs from those of `skip` (0 or -1), or `limit`. */
  private nextBit(from: number, limit: number, skip: 0 | -1): number {
    if (from >= limit) return limit;
    let word = from >> 5;
    let bits = (this.freeBits[word]! ^ skip) & (-1 << (from & 31));
    while (bits === 0 && (word + 1) * 32 < limit) bits = this.freeBits[++word]! ^ skip;
    if (bits === 0) return limit;
    return Math.min(limit, word * 32 + 31 - Math.clz32(bits & -bits));
  }

  private isPageFree(page: number): boolean {
    return ((this.freeBits[page >> 5]! >> (page & 31)) & 1) === 1;
  }

  private pageOf(slot: number): number {
    if (!(slot >= 0 && slot < this.total)) throw bug(`slot ${slot} does not exist`);
    return Math.floor(slot / this.pageSize);
  }
}
