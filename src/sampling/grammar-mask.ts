import { bug, errorMessage } from '../core/errors';
import type { GrammarMatcher } from '../core/grammar';
import type { LogitsProcessor } from './logits-processors';

const ALL = -1;

/** Rules out the tokens that a grammar does not allow. The last processor: what it forbids stays forbidden. */
export class GrammarMask implements LogitsProcessor {
  /** Which tokens may come next, one bit each; null until `prepare` has asked. */
  private words: Int32Array | null = null;
  private failure: Error | null = null;

  /** @param matcher belongs to the mask from here on */
  constructor(private readonly matcher: GrammarMatcher) {}

  /** Whether the grammar has been followed to its end, and the token that ends a text has been drawn. */
  get isTerminated(): boolean {
    return this.matcher.isTerminated;
  }

  /** Finds out which tokens may come next. Never fails: what goes wrong is thrown where the mask is needed. */
  async prepare(): Promise<void> {
    if (this.words !== null) return;
    try {
      this.words = await this.matcher.mask();
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(errorMessage(error));
    }
  }

  /** Whether all tokens that may come next are among these. */
  allowsOnly(ids: readonly number[]): boolean {
    const { mask } = this;
    const among = ids.reduce((sum, id) => sum + (((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1), 0);
    return countBits(mask) === among;
  }

  allows(id: number): boolean {
    return (((this.mask[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
  }

  apply(logits: Float32Array): void {
    const { mask } = this;
    for (let word = 0; word << 5 < logits.length; word++) {
      const bits = mask[word] ?? 0;
      if (bits === ALL) continue;
      const end = Math.min(logits.length, (word + 1) << 5);
      if (bits === 0) logits.fill(-Infinity, word << 5, end);
      else
        for (let id = word << 5; id < end; id++) if (((bits >>> (id & 31)) & 1) === 0) logits[id] = -Infinity;
    }
  }

  observe(id: number): void {
    this.words = null;
    if (!this.matcher.accept(id)) throw bug(`token ${id} was drawn, which the grammar forbids`);
  }

  /** Tokens that come next whatever is drawn. */
  forced(): readonly number[] {
    return this.matcher.forced();
  }

  dispose(): void {
    this.matcher.dispose();
  }

  private get mask(): Int32Array {
    if (this.failure !== null) throw this.failure;
    if (this.words === null) throw bug('a mask that was not prepared');
    return this.words;
  }
}

function countBits(words: Int32Array): number {
  let count = 0;
  for (let word of words) {
    for (; word !== 0; word &= word - 1) count += 1;
  }
  return count;
}
