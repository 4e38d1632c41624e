import { env } from './env';

/** Variables that hold up a process, for tests of the watchdogs. */
type StuckVariable =
  'SGLANG_TEST_STUCK_TOKENIZER' | 'SGLANG_TEST_STUCK_DETOKENIZER' | 'SGLANG_TEST_STUCK_SCHEDULER_INIT';

/** Holds up this process for as many seconds as the variable says. */
export function holdUp(variable: StuckVariable): void {
  const seconds = env(variable);
  if (seconds > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
}
