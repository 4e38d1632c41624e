import { env } from '../core/env';
import { jsonLine, openLogTargets } from '../logging/log-target';

/** The ids of the requests a scheduler has. */
export interface SchedulerRids {
  readonly running: readonly string[];
  readonly queued: readonly string[];
}

/**
 * For `SGLANG_LOG_SCHEDULER_STATUS_TARGET`: a line of JSON that names the requests that run and wait, with the first batch
 * and then with the first one after each interval.
 * @param rank which of the schedulers it is
 * @returns what is to be called after each batch
 * @throws StartupError when a folder cannot be made
 */
export function openStatusLog(rank: number, rids: () => SchedulerRids): () => void {
  const names = env('SGLANG_LOG_SCHEDULER_STATUS_TARGET');
  if (names.length === 0) return () => undefined;
  const intervalMs = env('SGLANG_LOG_SCHEDULER_STATUS_INTERVAL') * 1000;
  const write = openLogTargets(names);
  let writtenAt = -Infinity;
  return () => {
    const now = performance.now();
    if (now - writtenAt < intervalMs) return;
    writtenAt = now;
    const { running, queued } = rids();
    write(jsonLine('scheduler.status', { rank, running_rids: running, queued_rids: queued }));
  };
}
