import { setTimeout as sleep } from 'node:timers/promises';
import { env, type EnvSource } from '../core/env';
import { logger } from '../logging/logger';

/** What a draining server still owes. */
export interface Workload {
  /** Requests that are not finished. */
  pendingRids(): readonly string[];
  /** Replies that have not been handed to the operating system completely. */
  openReplies(): number;
  /** Ends all requests as aborted; their clients are told. */
  abortAll(): void;
}

export interface DrainLimits {
  /** How long requests may take to finish by themselves. */
  readonly finishMs: number;
  /** How long the replies of aborted requests may take after that. */
  readonly abortMs: number;
  /** Time between two log lines. */
  readonly logMs: number;
}

const POLL_MS = 20;

/**
 * The limits. With the default of the flag all is over well before the 30 seconds after which process managers kill.
 * @param drainTimeout of --drain-timeout, in seconds; `SGLANG_DRAIN_TIMEOUT` counts where it is set
 */
export function drainLimits(drainTimeout: number, source?: EnvSource): DrainLimits {
  const set = env('SGLANG_DRAIN_TIMEOUT', source);
  return { finishMs: (set >= 0 ? set : drainTimeout) * 1000, abortMs: 2_000, logMs: 5_000 };
}

/**
 * Why the server should not wait for its requests although it has some: null when it should.
 * @param isResponsive whether the scheduler makes progress
 */
export function reasonNotToDrain(isResponsive: boolean, source?: EnvSource): string | null {
  const isForced = env('SGLANG_FORCE_SHUTDOWN', source) || env('SGL_FORCE_SHUTDOWN', source);
  if (isForced) return 'force shutdown flag set';
  return isResponsive ? null : 'health check failed';
}

/**
 * Waits until every request is answered. What is not finished within `finishMs` is aborted and has `abortMs` to be
 * answered; what is left then is dropped with a warning. An idle server returns at once.
 */
export async function drain(work: Workload, limits: DrainLimits): Promise<void> {
  if (await emptied(work, limits.finishMs, limits.logMs)) return;
  logger.log(
    'warning',
    `The drain time of ${limits.finishMs / 1000} s is over. Aborting ${work.pendingRids().length} requests.`,
  );
  work.abortAll();
  if (await emptied(work, limits.abortMs, limits.logMs)) return;
  logger.log(
    'warning',
    `Giving up ${work.pendingRids().length} requests and ${work.openReplies()} open replies.`,
  );
}

/** Whether all work was done within `limitMs`. */
async function emptied(work: Workload, limitMs: number, logMs: number): Promise<boolean> {
  const start = performance.now();
  let nextLog = start + logMs;
  while (work.pendingRids().length > 0 || work.openReplies() > 0) {
    const now = performance.now();
    if (now - start >= limitMs) return false;
    if (now >= nextLog) {
      nextLog += logMs;
      const rids = work.pendingRids();
      logger.log(
        'info',
        `Gracefully exiting... Remaining number of requests ${rids.length}. ` +
          `Remaining requests remaining_rids=[${rids.map((rid) => `'${rid}'`).join(', ')}].`,
      );
    }
    await sleep(POLL_MS);
  }
  return true;
}
