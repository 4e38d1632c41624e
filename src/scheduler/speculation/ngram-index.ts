/** Tokens that only grow at their end. */
export interface TokenSequence {
  readonly length: number;
  at(index: number): number;
}

/** The longest end of a sequence that was there before. */
export interface NgramMatch {
  /** Its tokens. */
  readonly length: number;
  /** What follows its latest earlier occurrence: an index into the sequence. */
  readonly next: number;
}

/**
 * Where the n-grams of one sequence occurred last, for each n of a range. A token costs one entry of each table, whatever
 * the length of the sequence; an n-gram that comes again takes the place of the one before.
 */
export class NgramIndex {
  private readonly tables: readonly GramTable[];
  /** By table: where the n-gram at the end of what is indexed ended before; -1 where it never did. */
  private readonly earlier: Int32Array;
  private indexed = 0;

  /**
   * @param min shortest n-gram that is looked up; at least 1
   * @param max longest one
   */
  constructor(
    private readonly tokens: TokenSequence,
    private readonly min: number,
    max: number,
  ) {
    this.tables = Array.from({ length: max - min + 1 }, (_, i) => new GramTable(tokens, min + i));
    this.earlier = new Int32Array(this.tables.length).fill(-1);
  }

  /** Tokens at the front of the sequence that are indexed. */
  get length(): number {
    return this.indexed;
  }

  /** Indexes the next token of the sequence. */
  advance(): void {
    const end = this.indexed++;
    const { earlier, min, tables, tokens } = this;
    let hash = 0;
    for (let size = 1; size < min + tables.length; size++) {
      if (size > this.indexed) return;
      hash = extended(hash, tokens.at(end + 1 - size));
      if (size >= min) earlier[size - min] = (tables[size - min] as GramTable).put(end, hash);
    }
  }

  /** The longest n-gram at the end of what is indexed that occurred before; null where none did. */
  match(): NgramMatch | null {
    for (let i = this.tables.length - 1; i >= 0; i--) {
      const end = this.earlier[i] as number;
      if (end >= 0) return { length: this.min + i, next: end + 1 };
    }
    return null;
  }

  /**
   * What came after an earlier occurrence. Where that runs into the end of the sequence it goes on with itself, as text with a short
   * period does.
   */
  continuation({ next }: NgramMatch, count: number): Int32Array {
    const draft = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const from = next + i;
      draft[i] = from < this.indexed ? this.tokens.at(from) : (draft[from - this.indexed] as number);
    }
    return draft;
  }
}

const EMPTY = -1;
const FIRST_SLOTS = 64;

/** The last place of each n-gram of one length: open addressing, at most half full, nothing but places is kept. */
class GramTable {
  private slots = new Int32Array(FIRST_SLOTS).fill(EMPTY);
  private used = 0;

  constructor(
    private readonly tokens: TokenSequence,
    readonly size: number,
  ) {}

  /** Notes that an n-gram ends at `end`. @returns where it ended before, or -1 */
  put(end: number, hash: number): number {
    const slot = this.find(end, hash);
    const before = this.slots[slot] as number;
    this.slots[slot] = end;
    if (before === EMPTY && ++this.used * 2 > this.slots.length) this.grow();
    return before;
  }

  /** The slot of the n-gram that ends at `end`, or the empty one where it belongs. */
  private find(end: number, hash: number): number {
    const mask = this.slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const other = this.slots[slot] as number;
      if (other === EMPTY || this.same(other, end)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  private same(a: number, b: number): boolean {
    for (let i = 0; i < this.size; i++) if (this.tokens.at(a - i) !== this.tokens.at(b - i)) return false;
    return true;
  }

  private grow(): void {
    const before = this.slots;
    this.slots = new Int32Array(before.length * 2).fill(EMPTY);
    for (const end of before) if (end !== EMPTY) this.slots[this.find(end, this.hash(end))] = end;
  }

  private hash(end: number): number {
    let hash = 0;
    for (let i = 0; i < this.size; i++) hash = extended(hash, this.tokens.at(end - i));
    return hash;
  }
}

/** The hash of an n-gram from that of all but its first token. */
function extended(hash: number, token: number): number {
  return Math.imul(hash ^ token, 0x9e3779b1) + 1;
}
