import { logger } from '../logging/logger';

/** Moments of a request, in milliseconds of `performance.now`. */
export interface RequestTimes {
  readonly rid: string;
  readonly inputLen: number;
  readonly outputLen: number;
  readonly arrivedAt: number;
  /** When it was first computed; null when it never was. */
  readonly startedAt: number | null;
  /** When its prompt was complete; null when it ended there, or before. */
  readonly firstTokenAt: number | null;
  readonly endedAt: number;
}

/**
 * For `--enable-request-time-stats-logging`: SGLang's line about a request that has left, with the parts of
 * `forward_duration` behind it. `start_time` is when it came, in seconds since 1970.
 */
export function timeStatsLine(times: RequestTimes): string {
  const { rid, inputLen, outputLen, arrivedAt, endedAt } = times;
  const startedAt = times.startedAt ?? endedAt;
  const firstTokenAt = times.firstTokenAt ?? endedAt;
  const duration = (from: number, to: number) => `${(to - from).toFixed(2)}ms`;
  const start = ((performance.timeOrigin + arrivedAt) / 1000).toFixed(3);
  return (
    `Req Time Stats(rid=${rid}, input len=${inputLen}, output len=${outputLen}, type=unified): ` +
    `queue_duration=${duration(arrivedAt, startedAt)}, forward_duration=${duration(startedAt, endedAt)}, start_time=${start}, ` +
    `prefill_duration=${duration(startedAt, firstTokenAt)}, decode_duration=${duration(firstTokenAt, endedAt)}`
  );
}

export function logTimeStats(times: RequestTimes): void {
  logger.info(timeStatsLine(times));
}
