/** How much became of drafts. */
export interface Acceptance {
  /** Tokens that a run gave a request on average: 1 without drafts. 0 where nothing ran. */
  readonly length: number;
  /** Accepted tokens of those that were drafted; 0 where none were. */
  readonly rate: number;
}

/** Runs of one request each, after which the reading of the moment has forgotten most. */
const MEMORY = 64;

interface Sums {
  runs: number;
  drafted: number;
  accepted: number;
}

const none = (): Sums => ({ runs: 0, drafted: 0, accepted: 0 });

/** Counts what became of drafts, over all requests. Steps without a draft count as runs too. */
export class AcceptanceMeter {
  private interval = none();
  private readonly recent = none();
  private readonly total = none();

  /** A request was in a run, with so many drafted tokens. */
  count(drafted: number, accepted: number): void {
    for (const key of ['runs', 'drafted', 'accepted'] as const) this.recent[key] *= 1 - 1 / MEMORY;
    for (const sums of [this.interval, this.recent, this.total]) {
      sums.runs += 1;
      sums.drafted += drafted;
      sums.accepted += accepted;
    }
  }

  /** Lately. */
  get now(): Acceptance {
    return read(this.recent);
  }

  /** Since the start. */
  get average(): Acceptance {
    return read(this.total);
  }

  /** Since the last call. */
  takeInterval(): Acceptance {
    const reading = read(this.interval);
    this.interval = none();
    return reading;
  }
}

function read({ runs, drafted, accepted }: Sums): Acceptance {
  return {
    length: runs === 0 ? 0 : 1 + accepted / runs,
    rate: drafted === 0 ? 0 : accepted / drafted,
  };
}
