/**
 * Measures several modes in turn, round by round; the first round of each does not count.
 * @returns what was measured of each, round by round
 */
export async function inTurn<M extends string, T>(
  modes: readonly M[],
  rounds: number,
  measure: (mode: M, round: number) => Promise<T>,
): Promise<Record<M, T[]>> {
  const measured = Object.fromEntries(modes.map((mode) => [mode, []])) as unknown as Record<M, T[]>;
  for (let round = 0; round <= rounds; round++) {
    // In turn who comes first, so that a machine that warms up or tires favours nobody.
    for (const mode of round % 2 === 0 ? modes : [...modes].reverse()) {
      const one = await measure(mode, round);
      if (round > 0) measured[mode].push(one);
    }
  }
  return measured;
}

/** The upper one of the two in the middle where they are even in number; NaN of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}
