import { bug } from '../core/errors';
import { ThoughtTracker, type Thinking, type TokenTexts } from '../core/thinking';

/** Tokens that must come now whatever the model says, and where the text stands after them. */
interface Forced {
  readonly ids: readonly number[];
  readonly then: 'inside' | 'after';
}

/**
 * Follows the thoughts of one request by its tokens: knows when they are over, ends them when their budget is used up, and has
 * them end in a clean cut where a grammar waits for the answer.
 */
export class Thoughts {
  private readonly tracker: ThoughtTracker;
  private forced: Forced | null = null;
  private generated = 0;
  /** The thought so far, without what begins and ends it. */
  private readonly thought: number[] = [];
  private counted = 0;

  constructor(
    private readonly thinking: Thinking,
    private readonly texts: TokenTexts,
  ) {
    const { start, end, otherEnds, isBegun } = thinking;
    if (end.ids.length === 0) throw bug('thoughts that no token ends');
    this.tracker = new ThoughtTracker(
      { start: bytesOf(start.text), ends: [end.text, ...otherEnds].map(bytesOf) },
      isBegun ? 'inside' : 'before',
    );
    this.endWhenUsedUp();
  }

  /** Tokens up to the end of the thoughts, that end included; 0 where none have begun. */
  get tokens(): number {
    return this.counted;
  }

  /** Whether the request's grammar does not hold now. */
  get isGrammarAsleep(): boolean {
    return this.thinking.isGrammarAfter && (this.tracker.phase === 'inside' || this.forced !== null);
  }

  /**
   * The token that begins thoughts where they may begin now in place of what the grammar allows; null where they may not.
   * Thoughts that several tokens begin are told from an answer by the first.
   */
  get opening(): number | null {
    const { isGrammarAfter, start } = this.thinking;
    const isOpen = isGrammarAfter && this.tracker.phase === 'before' && this.forced === null;
    return isOpen ? (start.ids[0] ?? null) : null;
  }

  /** Whether an answer cannot begin with the token that begins thoughts. */
  get isOpeningUnmistakable(): boolean {
    return this.thinking.start.ids.length === 1;
  }

  /** Whether anything may not come now. */
  get limits(): boolean {
    return this.forced !== null || this.isGrammarAsleep;
  }

  /** Rules out what may not come now. */
  apply(logits: Float32Array): void {
    if (this.forced !== null) {
      const [id = -1] = this.forced.ids;
      // A grammar that holds all the while outweighs a budget.
      if (!this.isGrammarAsleep && logits[id] === -Infinity) return;
      const isVoid = Number.isNaN(logits[id]);
      logits.fill(-Infinity);
      logits[id] = isVoid ? NaN : 0;
      return;
    }
    if (!this.isGrammarAsleep) return;
    for (const id of this.thinking.eosTokenIds) logits[id] = -Infinity;
    // What comes after the end belongs to the answer, of which the grammar would not know.
    for (const rest of this.tracker.completions) {
      for (const id of this.texts.overrunning(rest)) logits[id] = -Infinity;
    }
  }

  /**
   * Is told of each generated token, in order and once.
   * @param begins whether it is the `opening`, and no answer
   */
  observe(id: number, begins: boolean): void {
    const wasInside = this.tracker.phase === 'inside';
    this.generated += 1;
    if (this.forced !== null && this.forced.ids[0] !== id) this.forced = null;
    if (this.forced !== null) this.follow(this.forced);
    else if (begins) this.follow({ ids: this.thinking.start.ids, then: 'inside' });
    else if (this.opening !== null) this.tracker.enter('after');
    else {
      this.tracker.push(this.texts.textOf(id));
      if (wasInside) this.thought.push(id);
    }
    if (wasInside || this.tracker.phase === 'inside') this.counted = this.generated;
    this.endWhenUsedUp();
  }

  private follow({ ids: [, ...left], then }: Forced): void {
    this.forced = left.length > 0 ? { ids: left, then } : null;
    if (left.length === 0) this.tracker.enter(then);
  }

  private endWhenUsedUp(): void {
    const { budget, end } = this.thinking;
    if (budget === null || this.tracker.phase !== 'inside' || this.forced !== null) return;
    if (this.thought.length < budget) return;
    this.forced = { ids: end.ids.slice(begunOf(end.ids, this.thought)), then: 'after' };
  }
}

/** How many tokens of an end stand at the end of a thought already. */
function begunOf(end: readonly number[], thought: readonly number[]): number {
  for (let length = Math.min(end.length - 1, thought.length); length > 0; length--) {
    if (end.slice(0, length).every((id, i) => thought[thought.length - length + i] === id)) return length;
  }
  return 0;
}

/** As `TokenTexts` has texts: one character for each byte. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
