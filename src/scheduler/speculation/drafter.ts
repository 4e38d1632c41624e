import type { TokenSequence } from './ngram-index';
import { NgramIndex, type NgramMatch } from './ngram-index';
import { HitRates } from './hit-rates';

/** Tokens of a request after which what it did before counts a third. */
const MEMORY = 32;

/** Drafts the tokens of one request from those it has. */
export class Drafter {
  private readonly index: NgramIndex;
  private readonly rates: HitRates;

  /**
   * @param tokens prompt and output of the request
   * @param promptLen tokens that were not drawn: nothing is learned from them
   * @param window shortest and longest n-gram that is looked up
   * @param shared learns with this request, and is believed where the request has shown little
   */
  constructor(
    private readonly tokens: TokenSequence,
    private readonly promptLen: number,
    window: { readonly min: number; readonly max: number },
    private readonly shared: HitRates,
  ) {
    this.index = new NgramIndex(tokens, window.min, window.max);
    this.rates = new HitRates(MEMORY, shared);
  }

  /** Takes in the tokens that are new, and looks whether it would have known them. @returns what the next ones can be drafted from */
  look(): NgramMatch | null {
    while (this.index.length < this.tokens.length) {
      if (this.index.length >= this.promptLen) this.learn(this.tokens.at(this.index.length));
      this.index.advance();
    }
    return this.index.match();
  }

  /** The chance that token `i` of a draft is right if those before it are. */
  chance(match: NgramMatch, i: number): number {
    return this.rates.chance(match.length + i);
  }

  draft(match: NgramMatch, count: number): Int32Array {
    return this.index.continuation(match, count);
  }

  private learn(token: number): void {
    const match = this.index.match();
    if (match === null) return;
    const isHit = this.tokens.at(match.next) === token;
    this.rates.observe(match.length, isHit);
    this.shared.observe(match.length, isHit);
  }
}
