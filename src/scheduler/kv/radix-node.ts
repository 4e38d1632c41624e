import type { CacheUse } from './eviction-policy';
import type { HeapItem } from './leaf-heap';

export const NO_TOKENS = new Int32Array(0);

/** How a parent finds a child by its first page: the token itself, or the page's bytes as a string. */
export type PageKey = number | string;

/**
 * A node of the radix tree: a run of tokens below its parent's, and the slots that hold their KV. A root has no tokens,
 * and no parent. Both arrays belong to the node: never views of what a caller passed in.
 */
export class RadixNode implements CacheUse, HeapItem {
  parent: RadixNode | null = null;
  readonly children = new Map<PageKey, RadixNode>();
  /** Locks on this node or on any below it. */
  lockRef = 0;
  lastAccess = 0;
  hits = 0;
  heapIndex = -1;

  constructor(
    /** Token ids; a multiple of the page size, and at least one page except in a root. */
    public key: Int32Array,
    /** One slot for each token of `key`. */
    public slots: Int32Array,
    /** Namespace of the tree this node is in. */
    readonly extraKey: string | null,
  ) {}

  get isLeaf(): boolean {
    return this.children.size === 0;
  }

  attach(parent: RadixNode, pageSize: number): void {
    this.parent = parent;
    parent.children.set(pageKey(this.key, 0, pageSize), this);
  }

  /** Ends the node at `length` tokens. */
  truncate(length: number): void {
    this.key = shortened(this.key, length);
    this.slots = shortened(this.slots, length);
  }
}

/** The key of the page that starts at `from`; equal for equal pages only. */
export function pageKey(ids: Int32Array, from: number, pageSize: number): PageKey {
  if (pageSize === 1) return ids[from]!;
  return String.fromCharCode(...new Uint16Array(ids.buffer, ids.byteOffset + 4 * from, 2 * pageSize));
}

/** How many leading tokens of `key` are ids[from, limit)'s too, in whole pages. */
export function commonPrefix(
  key: Int32Array,
  ids: Int32Array,
  from: number,
  limit: number,
  pageSize: number,
): number {
  const most = Math.min(key.length, ids.length - from, limit - from);
  let same = 0;
  while (same < most && key[same] === ids[from + same]) same++;
  return same - (same % pageSize);
}

/** A view while it is most of its buffer, else a copy: what is cut off again and again stays cheap, and is let go of. */
function shortened(array: Int32Array, length: number): Int32Array {
  const part = array.subarray(0, length);
  return 2 * part.byteLength < part.buffer.byteLength ? part.slice() : part;
}
