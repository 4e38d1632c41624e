import { LatestTimes } from '../latest-times';

/** What a token more is believed to add to a run while no larger one has been measured, as a share of a run of one. */
const ASSUMED_GROWTH = 0.1;

/** What steps of the decode batch and runs of one request over several tokens take, in milliseconds. */
export class RunTimes {
  private readonly steps = new LatestTimes();
  private readonly runs = new LatestTimes();
  /** By tokens: what `run` has found out since the last measurement. */
  private readonly found: number[] = [];

  /** A decode step of so many requests took so long. */
  stepTook(requests: number, ms: number): void {
    this.steps.add(requests, ms);
    if (requests === 1) this.found.length = 0;
  }

  /** A run of one request over so many tokens took so long, its sampling included. */
  runTook(tokens: number, ms: number): void {
    this.runs.add(tokens, ms);
    this.found.length = 0;
  }

  /** null where steps of this size have not been measured often enough. */
  step(requests: number): number | null {
    return this.steps.get(requests);
  }

  /** What a run over so many tokens should take: measured, between measured ones, or assumed on from the nearest. */
  run(tokens: number): number {
    return (this.found[tokens] ??= this.estimate(tokens));
  }

  /** What a run would take if none had ever been measured. */
  assumedRun(tokens: number): number {
    const one = this.steps.get(1) ?? Infinity;
    return one * (1 + ASSUMED_GROWTH * (tokens - 1));
  }

  private estimate(tokens: number): number {
    const one = this.steps.get(1);
    const below = this.runs.below(tokens) ?? (one === null ? null : ([1, one] as const));
    const above = this.runs.above(tokens);
    if (below === null) return above?.[1] ?? Infinity;
    if (above === null) return below[1] + ASSUMED_GROWTH * (one ?? below[1]) * (tokens - below[0]);
    if (above[0] === below[0]) return below[1];
    return below[1] + ((tokens - below[0]) / (above[0] - below[0])) * (above[1] - below[1]);
  }
}
