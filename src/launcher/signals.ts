/** Signals that ask the server to stop: SIGQUIT at once, the others as soon as the requests in progress are done. */
export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP' | 'SIGQUIT';

const NUMBERS: Readonly<Record<StopSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 };

/** What a shell reports for a process that ended by this signal. */
export function signalExitCode(signal: StopSignal): number {
  return 128 + NUMBERS[signal];
}

/** The number the operating system has for a signal. */
export function signalNumber(signal: StopSignal): number {
  return NUMBERS[signal];
}

/**
 * Without effect: SIGUSR1 would open Node's inspector to whoever is on this machine (`--inspect` still does), and SIGUSR2 end
 * the process without a word.
 */
const IGNORED: readonly NodeJS.Signals[] = ['SIGUSR1', 'SIGUSR2'];

/**
 * The same signal arrives twice when a terminal sends it to the whole process group and `npx` passes it on as well.
 * Nobody presses Ctrl-C twice this fast.
 */
const ECHO_MS = 250;

/** The stop signals of this process, from construction until it ends. */
export class StopSignals {
  /** Resolves with the first signal. */
  readonly first: Promise<StopSignal>;
  /** Resolves with SIGQUIT, or with the next signal after the first one and its echoes: stop now. */
  readonly second: Promise<StopSignal>;

  private firstAt = Number.NaN;
  private resolveFirst: (signal: StopSignal) => void = () => undefined;
  private resolveSecond: (signal: StopSignal) => void = () => undefined;

  /** @param now milliseconds of a clock that never goes back */
  constructor(private readonly now: () => number = () => performance.now()) {
    this.first = new Promise((resolve) => (this.resolveFirst = resolve));
    this.second = new Promise((resolve) => (this.resolveSecond = resolve));
    for (const signal of Object.keys(NUMBERS)) process.on(signal, this.receive);
    for (const signal of IGNORED) process.on(signal, ignore);
  }

  /** Gives the signals their default action back. */
  release(): void {
    for (const signal of Object.keys(NUMBERS)) process.off(signal, this.receive);
    for (const signal of IGNORED) process.off(signal, ignore);
  }

  private readonly receive = (signal: NodeJS.Signals): void => {
    const stop = signal as StopSignal;
    if (stop === 'SIGQUIT') {
      this.resolveSecond(stop);
    } else if (Number.isNaN(this.firstAt)) {
      this.firstAt = this.now();
      this.resolveFirst(stop);
    } else if (this.now() - this.firstAt > ECHO_MS) {
      this.resolveSecond(stop);
    }
  };
}

function ignore(): void {}
