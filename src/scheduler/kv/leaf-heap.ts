import { bug } from '../../core/errors';

/** An item of a `LeafHeap` carries its own place in it, so that it can be moved or taken out in O(log n). */
export interface HeapItem {
  /** Place in the heap, or -1. Written by the heap only. */
  heapIndex: number;
}

/** A binary heap whose items can be re-ordered and removed from the middle. The first by `order` is on top. */
export class LeafHeap<T extends HeapItem> {
  private readonly items: T[] = [];

  constructor(private readonly order: (a: T, b: T) => number) {}

  get top(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    if (item.heapIndex >= 0) throw bug('an item is pushed twice');
    this.siftUp(this.items.push(item) - 1, item);
  }

  /** Takes an item out; does nothing when it is not in the heap. */
  remove(item: T): void {
    const index = item.heapIndex;
    if (index < 0) return;
    item.heapIndex = -1;
    const last = this.items.pop()!;
    if (last !== item) this.place(index, last);
  }

  /** Restores the order after an item's rank changed; does nothing when it is not in the heap. */
  update(item: T): void {
    if (item.heapIndex >= 0) this.place(item.heapIndex, item);
  }

  clear(): void {
    for (const item of this.items) item.heapIndex = -1;
    this.items.length = 0;
  }

  private place(index: number, item: T): void {
    if (this.siftUp(index, item) === index) this.siftDown(index, item);
  }

  private siftUp(from: number, item: T): number {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (this.order(this.items[above]!, item) <= 0) break;
      this.set(index, this.items[above]!);
      index = above;
    }
    this.set(index, item);
    return index;
  }

  private siftDown(from: number, item: T): void {
    const { items } = this;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= items.length) break;
      if (below + 1 < items.length && this.order(items[below + 1]!, items[below]!) < 0) below++;
      if (this.order(item, items[below]!) <= 0) break;
      this.set(index, items[below]!);
      index = below;
    }
    this.set(index, item);
  }

  private set(index: number, item: T): void {
    this.items[index] = item;
    item.heapIndex = index;
  }
}
