/** Tokens that are remembered as one. */
export const BLOCK = 16;

/**
 * What a scheduler has been sent, as far as its prefix cache can still hold it: for each block of a prompt one number that
 * stands for all tokens up to there. It is a guess, made without asking: the cache may have let go of it, and two prompts may
 * by rare chance have one number. The worst that comes of a wrong guess is a prompt computed where another had it.
 */
export class PrefixRecord {
  /** The least recently used first. */
  private readonly blocks = new Set<number>();

  /** @param capacity tokens of the scheduler's prefix cache */
  constructor(private readonly capacity: number) {}

  /** Tokens at the start of a prompt that were sent before: a multiple of `BLOCK`. */
  matched(prefixes: readonly number[]): number {
    const missing = prefixes.findIndex((prefix) => !this.blocks.has(prefix));
    return BLOCK * (missing === -1 ? prefixes.length : missing);
  }

  /** A prompt was sent. */
  add(prefixes: readonly number[]): void {
    // From its end to its start: what is forgotten first is the end of the prompt that was used least recently.
    for (const prefix of prefixes.toReversed()) {
      this.blocks.delete(prefix);
      this.blocks.add(prefix);
    }
    const most = Math.max(1, Math.floor(this.capacity / BLOCK));
    for (const prefix of this.blocks) {
      if (this.blocks.size <= most) return;
      this.blocks.delete(prefix);
    }
  }

  clear(): void {
    this.blocks.clear();
  }
}

/**
 * The numbers of a prompt's blocks, from its start; what is left over of a block has none.
 * @param namespace of its cache entries (`extra_key`): prompts of different ones share nothing
 */
export function prefixesOf(ids: Int32Array, namespace: string | null): number[] {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  const mix = (value: number) => {
    low = Math.imul(low ^ value, 0x01000193);
    high = Math.imul(high ^ value ^ (low >>> 15), 0x85ebca6b);
  };
  if (namespace !== null) for (let i = 0; i < namespace.length; i++) mix(~namespace.charCodeAt(i));
  const prefixes: number[] = [];
  for (const [i, id] of ids.entries()) {
    mix(id);
    // 53 bits: what a number holds.
    if ((i + 1) % BLOCK === 0) prefixes.push((high >>> 11) * 2 ** 32 + (low >>> 0));
  }
  return prefixes;
}
