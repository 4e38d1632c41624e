import { ProcessStats } from './process-stats';
import { MetricsRegistry, type MetricArgs } from './registry';

/** The numbers of the server, those of the main process among them. Import it only where they are wanted: it takes its time. */
export function openMetrics(args: MetricArgs): MetricsRegistry {
  const registry = new MetricsRegistry(args);
  const stats = new ProcessStats('tokenizer');
  registry.beforePage((metrics) => stats.record(metrics));
  return registry;
}
