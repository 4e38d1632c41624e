import type { SchedulerLoad } from '../ipc/messages';
import type { Recorder } from '../metrics/recorder';

/** The gauges that every scheduler has. */
export function recordLoad(metrics: Recorder, load: SchedulerLoad): void {
  metrics.record('num_running_reqs', load.running);
  metrics.record('num_queue_reqs', load.queued);
  metrics.record('num_grammar_queue_reqs', load.preparing);
  metrics.record('num_retracted_reqs', load.retracted);
  metrics.record('num_paused_reqs', load.paused ? load.running + load.queued : 0);
  metrics.record('utilization', utilization(load));
  metrics.record('num_used_tokens', load.usedTokens);
  metrics.record('max_total_num_tokens', load.totalTokens);
  metrics.record('token_usage', load.usedTokens / load.totalTokens);
  metrics.record('gen_throughput', load.genThroughput);
  metrics.record('cache_hit_rate', load.cacheHitRate);
  // Without drafts as well: SGLang's dashboards ask for them all the same.
  metrics.record('spec_accept_length', load.drafts?.acceptLength ?? 0);
  metrics.record('spec_accept_rate', load.drafts?.acceptRate ?? 0);
}

function utilization({ running, maxRunning, usedTokens, totalTokens }: SchedulerLoad): number {
  return Math.max(running / maxRunning, usedTokens / totalTokens);
}
