/** Matches of so many tokens and more are told apart; what is in between goes with the shorter. */
const CLASSES = [1, 2, 3, 5, 9] as const;

/** What is believed before anything is known: the more of the past agrees, the likelier the next token does. */
const ASSUMED = [0.2, 0.4, 0.6, 0.75, 0.85] as const;

/** What is assumed, or known of others, counts as much as so many tokens. */
const PRIOR_TOKENS = 4;

/**
 * How often the token that followed a match before follows it again, by the length of the match. Measured on every token that is
 * drawn, drafted or not, so that it costs no run to find out when drafts begin to pay or cease to. The past fades.
 */
export class HitRates {
  private readonly hits = new Float64Array(CLASSES.length);
  private readonly tries = new Float64Array(CLASSES.length);

  /**
   * @param memory tokens of a class after which an observation counts a third
   * @param prior what to believe of classes that were seen little
   */
  constructor(
    private readonly memory: number,
    private readonly prior: HitRates | null = null,
  ) {}

  observe(matchLength: number, isHit: boolean): void {
    const index = classOf(matchLength);
    const kept = 1 - 1 / this.memory;
    this.hits[index] = (this.hits[index] as number) * kept + Number(isHit);
    this.tries[index] = (this.tries[index] as number) * kept + 1;
  }

  /** The chance that the token after a match of so many tokens is the one that came before. */
  chance(matchLength: number): number {
    const index = classOf(matchLength);
    const prior = this.prior === null ? (ASSUMED[index] ?? 0) : this.prior.chance(matchLength);
    const hits = (this.hits[index] ?? 0) + prior * PRIOR_TOKENS;
    return hits / ((this.tries[index] ?? 0) + PRIOR_TOKENS);
  }
}

function classOf(matchLength: number): number {
  let index = CLASSES.length - 1;
  while (index > 0 && (CLASSES[index] as number) > matchLength) index--;
  return index;
}
