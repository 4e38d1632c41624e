/** Measurements of one size that count: few, because machine and context change. */
const KEPT = 15;

/** Which of them, in order, is believed: what disturbs a run only makes it longer. */
const BELIEVED = 0.25;

/** From so many on a size counts as measured: first runs of a shape are slow. */
const ENOUGH = 3;

/** What the latest measurements come to, by size. */
export class LatestTimes {
  private readonly latest: number[][] = [];
  /** null where a size was not measured often enough. */
  private readonly believed: (number | null)[] = [];

  add(size: number, ms: number): void {
    const times = (this.latest[size] ??= []);
    times.push(ms);
    if (times.length > KEPT) times.shift();
    const sorted = [...times].sort((a, b) => a - b);
    this.believed[size] =
      times.length < ENOUGH ? null : (sorted[Math.floor(sorted.length * BELIEVED)] as number);
  }

  get(size: number): number | null {
    return this.believed[size] ?? null;
  }

  /** The largest measured size up to this one. */
  below(size: number): readonly [size: number, ms: number] | null {
    for (let at = size; at > 0; at--) {
      const ms = this.get(at);
      if (ms !== null) return [at, ms];
    }
    return null;
  }

  /** The smallest measured size from this one on. */
  above(size: number): readonly [size: number, ms: number] | null {
    for (let at = size; at < this.believed.length; at++) {
      const ms = this.get(at);
      if (ms !== null) return [at, ms];
    }
    return null;
  }
}
