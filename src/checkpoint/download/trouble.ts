import { setTimeout as sleep } from 'node:timers/promises';
import type { StartupError } from '../../core/errors';
import { logger } from '../../logging/logger';

/** How often something is tried that gets nowhere. */
const TRIES = 5;
/** Who asks for more patience than this is not waited for. */
const LONGEST_WAIT_MS = 120_000;

/** What may go better at the next try. */
export class Trouble extends Error {
  override readonly name = 'Trouble';

  /** @param final what is said once there is no next try */
  constructor(
    readonly final: StartupError,
    options: { readonly waitMs?: number | null; readonly hopeless?: boolean } = {},
  ) {
    super(final.message);
    this.waitMs = options.waitMs ?? null;
    this.hopeless = options.hopeless ?? false;
  }

  /** What the other side asks to be waited for; null where it says nothing. */
  readonly waitMs: number | null;
  /** Whether the next try is in vain as well. */
  readonly hopeless: boolean;
}

/** When something is tried again. */
export interface Patience {
  /** Wait before the second try, in milliseconds; it doubles each time. */
  readonly retryMs: number;
  /** Ends a wait at once. */
  readonly signal: AbortSignal;
}

/**
 * Does something again after a Trouble, with longer and longer waits.
 * @param progress a figure that grows when a try has been of use: the tries are counted anew then
 * @throws the error of the last try
 */
export async function persist<T>(
  work: () => Promise<T>,
  { retryMs, signal }: Patience,
  progress: () => number = () => 0,
): Promise<T> {
  let failures = 0;
  for (;;) {
    const before = progress();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      signal.throwIfAborted();
      failures = progress() > before ? 1 : failures + 1;
      const wait = Math.max(error.waitMs ?? 0, retryMs * 2 ** (failures - 1));
      if (error.hopeless || failures >= TRIES || wait > LONGEST_WAIT_MS) throw error.final;
      logger.log('warning', `${error.message} Trying again in ${wait / 1000} s.`);
      await sleep(wait, undefined, { signal });
    }
  }
}
