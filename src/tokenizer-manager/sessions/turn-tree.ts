import type { Turn } from './turn';

/**
 * The turns of a session by what they went on from. A name is that of the last turn that bore it; an older one of the same
 * name stays for those that went on from it.
 */
export class TurnTree {
  private readonly byRid = new Map<string, Turn>();
  private readonly turns = new Set<Turn>();
  private tokens = 0;

  /** What all turns take, counted in tokens. */
  get size(): number {
    return this.tokens;
  }

  get(rid: string): Turn | null {
    return this.byRid.get(rid) ?? null;
  }

  add(turn: Turn): void {
    this.turns.add(turn);
    this.byRid.set(turn.rid, turn);
    turn.parent?.children.add(turn);
    this.tokens += turn.size;
  }

  /** A turn has so many more tokens; one that was taken out counts no more. */
  grown(turn: Turn, tokens: number): void {
    if (this.turns.has(turn)) this.tokens += tokens;
  }

  /** Takes a turn out, and all that went on from it. @returns them */
  remove(turn: Turn): Turn[] {
    if (!this.turns.has(turn)) return [];
    turn.parent?.children.delete(turn);
    const removed = [turn];
    // The list grows while it is walked.
    for (const each of removed) {
      for (const child of each.children) removed.push(child);
      this.turns.delete(each);
      if (this.byRid.get(each.rid) === each) this.byRid.delete(each.rid);
      this.tokens -= each.size;
    }
    return removed;
  }

  /** Takes out all that went on from a turn; from null, everything. @returns what was taken out */
  removeBelow(parent: Turn | null): Turn[] {
    const tops = parent === null ? [...this.turns].filter((turn) => turn.parent === null) : parent.children;
    return [...tops].flatMap((turn) => this.remove(turn));
  }
}
