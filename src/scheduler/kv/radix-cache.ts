import { bug } from '../../core/errors';
import type { EvictionOrder } from './eviction-policy';
import { LeafHeap } from './leaf-heap';
import type { CacheSizes, PrefixCache, PrefixHandle, PrefixInsertion, PrefixMatch } from './prefix-cache';
import { NO_TOKENS, RadixNode, commonPrefix, pageKey } from './radix-node';
import { depthFirstByWeight } from './radix-order';

/** The prefix that ends with `node`, or, when only peeked at, somewhere inside it. */
class RadixHandle implements PrefixHandle {
  constructor(
    readonly node: RadixNode,
    readonly cachedLen: number,
    /** Which of the trees between two resets this is. */
    readonly generation: number,
  ) {}
}

/** Where a walk down the tree ended: `within` tokens into `node`, `depth` tokens from the root. */
interface Position {
  readonly node: RadixNode;
  readonly within: number;
  readonly depth: number;
}

/**
 * A radix tree over token ids: one root for each namespace, one node for each run of tokens that no sequence leaves.
 * All lengths are whole pages; a page that differs in any token is another child.
 *
 * A lock counts on every node from the locked one up to the root, so a node without locks has none below it either, and
 * the leaves without locks, which a heap keeps in the policy's order, are exactly what can be evicted next.
 */
export class RadixCache implements PrefixCache {
  private readonly roots = new Map<string | null, RadixNode>();
  /** Stands for the root of namespaces that have none yet. */
  private readonly nowhere = new RadixNode(NO_TOKENS, NO_TOKENS, null);
  /** The leaves without locks. */
  private readonly evictableLeaves: LeafHeap<RadixNode>;
  private evictable = 0;
  private protected = 0;
  /** Counts operations; orders uses without asking a clock. */
  private clock = 0;
  private generation = 0;

  constructor(
    private readonly pageSize: number,
    order: EvictionOrder,
  ) {
    this.evictableLeaves = new LeafHeap<RadixNode>(order);
  }

  get sizes(): CacheSizes {
    return { evictable: this.evictable, protected: this.protected };
  }

  match(ids: Int32Array, limit: number, extraKey: string | null): PrefixMatch {
    const { node, within, depth } = this.find(ids, limit, extraKey);
    const last = within < node.key.length ? this.split(node, within) : node;
    return { handle: this.handleOf(last, depth), slots: pathSlots(last, depth) };
  }

  peek(ids: Int32Array, limit: number, extraKey: string | null): PrefixHandle {
    const { node, depth } = this.find(ids, limit, extraKey);
    return this.handleOf(node, depth);
  }

  touch(handle: PrefixHandle): void {
    this.use(this.own(handle).node, 1);
  }

  lock(handle: PrefixHandle): void {
    for (const node of this.path(handle)) {
      if (node.lockRef++ > 0) continue;
      this.evictableLeaves.remove(node);
      this.evictable -= node.key.length;
      this.protected += node.key.length;
    }
  }

  unlock(handle: PrefixHandle): void {
    for (const node of this.path(handle)) {
      if (node.lockRef === 0) throw bug('a prefix is unlocked more often than locked');
      if (--node.lockRef > 0) continue;
      this.protected -= node.key.length;
      this.evictable += node.key.length;
      if (node.isLeaf) this.evictableLeaves.push(node);
    }
  }

  insert(ids: Int32Array, slots: Int32Array, extraKey: string | null): PrefixInsertion {
    if (ids.length !== slots.length || ids.length % this.pageSize !== 0) {
      throw bug(`${ids.length} tokens with ${slots.length} slots are inserted`);
    }
    const { node, within, depth } = this.find(ids, ids.length, extraKey);
    let last = within < node.key.length ? this.split(node, within) : node;
    if (depth < ids.length) {
      const parent = last === this.nowhere ? this.addRoot(extraKey) : last;
      last = new RadixNode(ids.slice(depth), slots.slice(depth), extraKey);
      last.attach(parent, this.pageSize);
      this.evictableLeaves.remove(parent);
      this.evictable += last.key.length;
      this.use(last, 0);
      this.evictableLeaves.push(last);
    } else {
      this.use(last, 0);
    }
    return { already: depth, handle: this.handleOf(last, ids.length) };
  }

  evict(count: number): Int32Array {
    const parts: Int32Array[] = [];
    let freed = 0;
    while (freed < count) {
      const leaf = this.evictableLeaves.top;
      if (!leaf) break;
      const wanted = Math.ceil((count - freed) / this.pageSize) * this.pageSize;
      const keep = Math.max(0, leaf.key.length - wanted);
      parts.push(leaf.slots.slice(keep));
      freed += leaf.key.length - keep;
      if (keep > 0) leaf.truncate(keep);
      else this.removeLeaf(leaf);
    }
    this.evictable -= freed;
    return concat(parts, freed);
  }

  reset(): void {
    this.roots.clear();
    this.evictableLeaves.clear();
    this.evictable = 0;
    this.protected = 0;
    this.generation++;
  }

  dfsOrder(handles: readonly PrefixHandle[]): number[] {
    return depthFirstByWeight(handles.map((handle) => this.own(handle).node));
  }

  *allSlots(): Iterable<Int32Array> {
    const open = [...this.roots.values()];
    for (let node = open.pop(); node; node = open.pop()) {
      yield node.slots;
      for (const child of node.children.values()) open.push(child);
    }
  }

  /** Walks as far as ids[0, limit) is cached. */
  private find(ids: Int32Array, limit: number, extraKey: string | null): Position {
    const { pageSize } = this;
    const end = Math.min(limit, ids.length);
    let node = this.roots.get(extraKey) ?? this.nowhere;
    let depth = 0;
    while (depth + pageSize <= end) {
      const child = node.children.get(pageKey(ids, depth, pageSize));
      if (!child) break;
      const same = commonPrefix(child.key, ids, depth, end, pageSize);
      depth += same;
      if (same < child.key.length) return { node: child, within: same, depth };
      node = child;
    }
    return { node, within: node.key.length, depth };
  }

  /**
   * Cuts a node in two and returns the upper part. The lower part remains the object that handles point to, so that a
   * handle still means the same prefix. Both parts have been used as often and as lately as the whole.
   */
  private split(node: RadixNode, at: number): RadixNode {
    const upper = new RadixNode(node.key.slice(0, at), node.slots.slice(0, at), node.extraKey);
    upper.lockRef = node.lockRef;
    upper.hits = node.hits;
    upper.lastAccess = node.lastAccess;
    upper.attach(node.parent!, this.pageSize);
    node.key = node.key.slice(at);
    node.slots = node.slots.slice(at);
    node.attach(upper, this.pageSize);
    return upper;
  }

  /** Notes a use of a node and of all above it. */
  private use(last: RadixNode, hits: 0 | 1): void {
    this.clock++;
    for (let node = last; node.parent; node = node.parent) {
      node.lastAccess = this.clock;
      node.hits += hits;
      this.evictableLeaves.update(node);
    }
  }

  private addRoot(extraKey: string | null): RadixNode {
    const root = new RadixNode(NO_TOKENS, NO_TOKENS, extraKey);
    this.roots.set(extraKey, root);
    return root;
  }

  /** Takes a leaf out of the tree. Its parent may become a leaf by that; a root without children goes too. */
  private removeLeaf(leaf: RadixNode): void {
    const parent = leaf.parent!;
    this.evictableLeaves.remove(leaf);
    parent.children.delete(pageKey(leaf.key, 0, this.pageSize));
    leaf.truncate(0);
    if (!parent.isLeaf) return;
    if (!parent.parent) this.roots.delete(parent.extraKey);
    else if (parent.lockRef === 0) this.evictableLeaves.push(parent);
  }

  private handleOf(node: RadixNode, depth: number): RadixHandle {
    return new RadixHandle(node, depth, this.generation);
  }

  private own(handle: PrefixHandle): RadixHandle {
    if (!(handle instanceof RadixHandle) || handle.generation !== this.generation) {
      throw bug('a handle of another cache, or from before a reset');
    }
    return handle;
  }

  /** The nodes of a handle from its last one up, without the root; checked to be the whole prefix still. */
  private path(handle: PrefixHandle): RadixNode[] {
    const nodes: RadixNode[] = [];
    let length = 0;
    for (let node = this.own(handle).node; node.parent; node = node.parent) {
      nodes.push(node);
      length += node.key.length;
    }
    if (length !== handle.cachedLen)
      throw bug(`a handle of ${handle.cachedLen} tokens now reaches ${length}`);
    return nodes;
  }
}

/** The slots of the `depth` tokens that end with `last`. */
function pathSlots(last: RadixNode, depth: number): Int32Array {
  const slots = new Int32Array(depth);
  let at = depth;
  for (let node = last; node.parent; node = node.parent) {
    at -= node.slots.length;
    slots.set(node.slots, at);
  }
  return slots;
}

function concat(parts: readonly Int32Array[], length: number): Int32Array {
  const whole = new Int32Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
