import type { Recorder } from '../../metrics/recorder';
import type { Request } from './request';

type Keyed = Pick<Request, 'routingKey'>;

/** Where one bucket of routing keys ends and the next begins. */
const BOUNDS = [1, 2, 3, 5, 7, 10, 20, 50, 100, 200];

/** How many routing keys have how many requests, a bucket each. */
export function recordRoutingKeys(
  metrics: Recorder,
  running: readonly Keyed[],
  waiting: readonly Keyed[],
): void {
  const ofRunning = requestsByKey(running);
  const ofAll = requestsByKey([...running, ...waiting]);
  metrics.record('num_unique_running_routing_keys', ofRunning.length);
  for (const { gt, le } of buckets()) {
    const labels = { gt: String(gt), le: le === Infinity ? '+Inf' : String(le) };
    const within = (counts: readonly number[]) => counts.filter((count) => count > gt && count <= le).length;
    metrics.record('routing_key_running_req_count', within(ofRunning), labels);
    metrics.record('routing_key_all_req_count', within(ofAll), labels);
  }
}

function buckets(): { gt: number; le: number }[] {
  return [0, ...BOUNDS].map((gt, i) => ({ gt, le: BOUNDS[i] ?? Infinity }));
}

/** The number of requests of each key; requests without one are not counted. */
function requestsByKey(requests: readonly Keyed[]): number[] {
  const counts = new Map<string, number>();
  for (const { routingKey } of requests) {
    if (routingKey !== null) counts.set(routingKey, (counts.get(routingKey) ?? 0) + 1);
  }
  return [...counts.values()];
}
