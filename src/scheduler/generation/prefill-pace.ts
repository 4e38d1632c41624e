import { LatestTimes } from '../latest-times';

/** How much longer than a step alone one with pieces of prompts should take, at most. Others see three times as the limit. */
const LONGEST = 2.5;

/** What a token of a prompt is believed to add to a step while that has not been measured, as a share of the step. */
const ASSUMED = 0.05;

/** Tokens of prompts that join a step at least: with fewer prompts would take too long. */
const LEAST = 16;

/** Products take their rows in blocks of so many. */
const BLOCK = 16;

/** How much farther than what was measured the next one goes. */
const GROWTH = 2;

/**
 * How many tokens of prompts join a step of running streams: as many as fit while nobody waits much longer for a token than without them.
 * What steps take, and what prompts add to them, is measured.
 */
export class PrefillPace {
  private readonly steps = new LatestTimes();
  /** Milliseconds that a token of a prompt has added to steps; of one size, so to speak. */
  private readonly added = new LatestTimes();
  private farthest = LEAST * GROWTH;

  /** A step of so many streams without prompts took so long. */
  stepTook(streams: number, ms: number): void {
    this.steps.add(streams, ms);
  }

  /** A step with so many tokens of prompts took so long. */
  mixedStepTook(streams: number, tokens: number, ms: number): void {
    const step = this.step(streams);
    if (step === null) return;
    this.added.add(1, Math.max(0, ms - step) / tokens);
    this.farthest = Math.max(this.farthest, tokens);
  }

  /** Tokens of prompts that may join the next step. */
  tokens(streams: number): number {
    const step = this.step(streams) ?? 1;
    const added = this.added.get(1) ?? step * ASSUMED;
    const most = Math.min(((LONGEST - 1) * step) / added, this.farthest * GROWTH);
    return Math.max(Math.floor((most + streams) / BLOCK) * BLOCK - streams, LEAST);
  }

  /** What a step of so many streams takes, or one of about as many; null where none has been measured. */
  private step(streams: number): number | null {
    return (this.steps.below(streams) ?? this.steps.above(streams))?.[1] ?? null;
  }
}
