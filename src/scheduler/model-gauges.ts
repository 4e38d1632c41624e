import type { Recorder } from '../metrics/recorder';
import type { LoadedModel } from '../model-runner/load';
import type { ServerArgs } from '../server-args/server-args';
import type { Loop } from './loop';

const GIB = 2 ** 30;

/** What is known once the model is loaded, and stays. */
export function recordModel(
  metrics: Recorder,
  { pageSize }: Pick<ServerArgs, 'pageSize'>,
  model: LoadedModel,
  { load, memory }: Pick<Loop, 'load' | 'memory'>,
): void {
  const pages = Math.floor(load.totalTokens / pageSize);
  metrics.record('startup_time_seconds', performance.now() / 1000);
  metrics.record('weight_load_duration_seconds', model.weights.seconds);
  metrics.record('weight_memory_usage_gb', memory.weightBytes / GIB);
  metrics.record('kv_cache_memory_usage_gb', memory.kvCacheBytes / GIB);
  metrics.record('graph_memory_usage_gb', memory.graphBytes / GIB);
  metrics.record('context_len', model.contextLen);
  metrics.record('page_size', pageSize);
  metrics.record('num_pages', pages);
  metrics.record('cache_config_info', 1, { page_size: String(pageSize), num_pages: String(pages) });
}
