import { LatestTimes } from '../latest-times';

/** How much longer than a step alone one with pieces of prompts should take, at most. */
const LONGEST = 2.5;

/** What a token of a prompt is believed to add to a step while no such run has been measured, as a share of the step. */
const ASSUMED = 0.05;

/** Tokens of prompts that join a step at least: with fewer prompts would take too long. */
const LEAST = 16;

/** Products take their rows in blocks of so many. */
const BLOCK = 16;

/** Blocks of a run that are looked at, at most. */
const MOST_BLOCKS = 256;

/**
 * How many tokens of prompts join a step of running streams: as many as fit while nobody waits much longer for a token than without them.
 * What steps take, and runs of so many tokens, is measured.
 */
export class PrefillPace {
  private readonly steps = new LatestTimes();
  /** By the blocks of all tokens. */
  private readonly runs = new LatestTimes();

  /** A step of so many streams without prompts took so long. */
  stepTook(streams: number, ms: number): void {
    this.steps.add(streams, ms);
  }

  /** A step with so many tokens of prompts took so long. */
  mixedStepTook(streams: number, tokens: number, ms: number): void {
    this.runs.add(Math.ceil((streams + tokens) / BLOCK), ms);
  }

  /** Tokens of prompts that may join the next step. */
  tokens(streams: number): number {
    const step = (this.steps.below(streams) ?? this.steps.above(streams))?.[1] ?? 1;
    let blocks = Math.ceil((streams + LEAST) / BLOCK);
    while (blocks < MOST_BLOCKS && this.runMs(blocks + 1, streams, step) <= LONGEST * step) blocks++;
    return Math.max(blocks * BLOCK - streams, LEAST);
  }

  /**
   * What a run of so many blocks should take: on from the largest that was measured as that goes on from a step, or at half of its rate if
   * that is more, because the difference of two measurements says little.
   */
  private runMs(blocks: number, streams: number, step: number): number {
    const measured = this.runs.below(blocks);
    const added = blocks * BLOCK - streams;
    if (measured === null) return step * (1 + ASSUMED * added);
    const [size, ms] = measured;
    const share = added / Math.max(size * BLOCK - streams, 1);
    return Math.max(step + (ms - step) * share, ms * (1 + 0.5 * (blocks / size - 1)));
  }
}
