/** A process that answers when it is asked for a sign of life. */
export interface Witness {
  readonly name: string;
  readonly pid: number | undefined;
  /** Asks for a sign of life; `onSign` is called when one comes. */
  ask(onSign: () => void): void;
}

/** Time between two questions. */
const PERIOD_MS = 1000;

/**
 * Watches that processes answer. One that is stopped or stuck in a call that never returns is silent, and nothing else ends it:
 * it has not died, and it may hold the requests of many.
 *
 * Silence is counted in ticks of this process's own clock, at most two periods a tick: while this process or the whole machine
 * was stopped, nobody was silent.
 * @param limitMs how long one may be silent
 * @param onSilent told of the first one that is silent for longer
 * @returns stops the watch
 */
export function watchLiveness(
  witnesses: readonly Witness[],
  limitMs: number,
  onSilent: (witness: Witness) => void,
): () => void {
  const silentMs = new Map(witnesses.map((witness) => [witness, 0]));
  const ask = (witness: Witness) => witness.ask(() => silentMs.set(witness, 0));
  let last = performance.now();
  const timer = setInterval(
    () => {
      const now = performance.now();
      const passed = Math.min(now - last, 2 * PERIOD_MS);
      last = now;
      for (const [witness, silent] of silentMs) {
        silentMs.set(witness, silent + passed);
        if (silent + passed <= limitMs) continue;
        clearInterval(timer);
        return onSilent(witness);
      }
      witnesses.forEach(ask);
    },
    Math.min(PERIOD_MS, limitMs / 2),
  );
  timer.unref();
  return () => clearInterval(timer);
}
