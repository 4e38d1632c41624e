import { StopSignals, signalExitCode, signalNumber, type StopSignal } from '../../../src/launcher/signals';

let now: number;
let signals: StopSignals;

beforeEach(() => {
  now = 0;
  signals = new StopSignals(() => now);
});
afterEach(() => signals.release());

/** Delivers the signal as the operating system would, to the handlers only. */
function deliver(signal: StopSignal, at: number): void {
  now = at;
  process.emit(signal, signal);
}

async function second(): Promise<StopSignal | null> {
  return Promise.race([signals.second, new Promise<null>((resolve) => setImmediate(resolve, null))]);
}

test('the first signal is told apart from the second', async () => {
  deliver('SIGTERM', 0);
  expect(await signals.first).toBe('SIGTERM');
  expect(await second()).toBeNull();
  deliver('SIGINT', 1000);
  expect(await second()).toBe('SIGINT');
});

test('an echo of the first signal is not a second one', async () => {
  deliver('SIGINT', 0);
  deliver('SIGINT', 5);
  expect(await second()).toBeNull();
  deliver('SIGINT', 600);
  expect(await second()).toBe('SIGINT');
});

test('exit codes are those of a shell', () => {
  expect([signalExitCode('SIGINT'), signalExitCode('SIGTERM')]).toEqual([130, 143]);
  expect([signalNumber('SIGINT'), signalNumber('SIGTERM')]).toEqual([2, 15]);
});
