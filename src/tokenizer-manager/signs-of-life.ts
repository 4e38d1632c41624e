import type { SchedulerState } from '../ipc/messages';

/** A scheduler's last sign of life. */
export interface Heartbeat {
  /** null before the first one. */
  readonly state: SchedulerState | null;
  /** Milliseconds since it came, or since the manager was made. */
  readonly ageMs: number;
}

/** What the schedulers let be seen of themselves: heartbeats, and outputs as they come. */
export class SignsOfLife {
  /** By rank; `at` by `performance.now()`. */
  private readonly pulses: { state: SchedulerState | null; at: number }[];
  private readonly waiters = new Set<(rank: number) => void>();

  /** @param size how many schedulers there are */
  constructor(size: number) {
    this.pulses = Array.from({ length: size }, () => ({ state: null, at: performance.now() }));
  }

  /** Of each scheduler, by rank. */
  get heartbeats(): readonly Heartbeat[] {
    const now = performance.now();
    return this.pulses.map(({ state, at }) => ({ state, ageMs: now - at }));
  }

  /** A heartbeat came. */
  beat(rank: number, state: SchedulerState): void {
    this.pulses[rank] = { state, at: performance.now() };
  }

  /** Outputs came. */
  putOut(rank: number): void {
    for (const wake of this.waiters) wake(rank);
  }

  /** Waits until each scheduler has put something out. @returns false when one did not in time */
  async outputOfEach(timeoutMs: number): Promise<boolean> {
    const came = await Promise.all(this.pulses.map((_, rank) => this.nextOutput(timeoutMs, rank)));
    return !came.includes(false);
  }

  /** Waits for the next outputs, of a scheduler or of any. @returns false when none came in time */
  nextOutput(timeoutMs: number, rank: number | null = null): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (came: boolean) => {
        clearTimeout(timer);
        this.waiters.delete(wake);
        resolve(came);
      };
      const wake = (from: number) => {
        if (rank === null || rank === from) settle(true);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.waiters.add(wake);
    });
  }
}
