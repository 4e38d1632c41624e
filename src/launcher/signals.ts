/** Signals that ask the server to stop. */
export type StopSignal = 'SIGTERM' | 'SIGINT';

const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** What a shell reports for a process that ended by this signal. */
export function signalExitCode(signal: StopSignal): number {
  return EXIT_CODES[signal];
}

/** The number the operating system has for a signal. */
export function signalNumber(signal: StopSignal): number {
  return EXIT_CODES[signal] - 128;
}

/**
 * The same signal arrives twice when a terminal sends it to the whole process group and `npx` passes it on as well.
 * Nobody presses Ctrl-C twice this fast.
 */
const ECHO_MS = 250;

/** The stop signals of this process, from construction until it ends. */
export class StopSignals {
  /** Resolves with the first signal. */
  readonly first: Promise<StopSignal>;
  /** Resolves with the next signal after the first one and its echoes: stop now. */
  readonly second: Promise<StopSignal>;

  private firstAt = Number.NaN;
  private resolveFirst: (signal: StopSignal) => void = () => undefined;
  private resolveSecond: (signal: StopSignal) => void = () => undefined;

  /** @param now milliseconds of a clock that never goes back */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.first = new Promise((resolve) => (this.resolveFirst = resolve));
    this.second = new Promise((resolve) => (this.resolveSecond = resolve));
    process.on('SIGTERM', this.receive);
    process.on('SIGINT', this.receive);
  }

  /** Gives the signals their default action back. */
  release(): void {
    process.off('SIGTERM', this.receive);
    process.off('SIGINT', this.receive);
  }

  private readonly receive = (signal: NodeJS.Signals): void => {
    const stop = signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM';
    if (Number.isNaN(this.firstAt)) {
      this.firstAt = this.now();
      this.resolveFirst(stop);
    } else if (this.now() - this.firstAt > ECHO_MS) {
      this.resolveSecond(stop);
    }
  };
}
