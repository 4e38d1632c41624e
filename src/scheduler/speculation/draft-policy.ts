/** How much faster than the decode batch a draft must promise to be before it is tried: estimates are off, too. */
const MIN_GAIN = 1.2;

/** What is known when a draft is decided on. Times in milliseconds. */
export interface DraftOdds {
  /** The chance that the draft's token `i` is right if those before it are. */
  readonly chance: (i: number) => number;
  /** Tokens there are to draft. */
  readonly most: number;
  /** Tokens a run computes besides the draft: those that are drawn and have no keys and values. */
  readonly known: number;
  /** What a run over so many tokens takes. */
  readonly runMs: (tokens: number) => number;
  /** Tokens a millisecond that the decode batch gives. */
  readonly batchRate: number;
}

export interface DraftChoice {
  /** Tokens to draft; 0 where no draft pays. */
  readonly length: number;
  /** Tokens a millisecond that it promises; that of the batch where no draft pays. */
  readonly rate: number;
}

/**
 * How many tokens to draft so that a request's run gives the most tokens a millisecond, the one that is drawn after the accepted
 * ones included. A run that gives them no faster than the decode batch does for all its requests is not worth its time.
 */
export function bestDraft({ chance, most, known, runMs, batchRate }: DraftOdds): DraftChoice {
  let best: DraftChoice = { length: 0, rate: batchRate * MIN_GAIN };
  let expected = 1;
  let allRight = 1;
  for (let length = 1; length <= most; length++) {
    allRight *= chance(length - 1);
    expected += allRight;
    const rate = expected / runMs(known + length);
    if (rate > best.rate) best = { length, rate };
  }
  return best.length === 0 ? { length: 0, rate: batchRate } : best;
}

/** A request for which a draft pays. */
export interface Promising {
  readonly rate: number;
  /** What its run should take. */
  readonly ms: number;
}

/**
 * Which runs follow a step of the decode batch that had others in it: the most promising, for as long as that step took, so
 * that nobody's stream falls to less than about half its pace. One at least.
 */
export function withinTurn<P extends Promising>(promising: readonly P[], stepMs: number): P[] {
  const byRate = [...promising].sort((a, b) => b.rate - a.rate);
  let left = stepMs;
  return byRate.filter(({ ms }, i) => {
    const fits = i === 0 || ms <= left;
    if (fits) left -= ms;
    return fits;
  });
}
