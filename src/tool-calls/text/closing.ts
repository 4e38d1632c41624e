import type { Outcome } from '../tool-parser';
import type { Source, Step } from './source';

/** Reads the words that may end a call, in their order, as far as they are there. They are nobody's where it was one. */
export function* closing(source: Source, outcome: Outcome, ...words: readonly string[]): Step<void> {
  if (outcome === 'broken') return;
  for (const word of words) {
    yield* source.spaces();
    if ((yield* source.word(word)) !== null && outcome === 'call') source.drop();
  }
}
