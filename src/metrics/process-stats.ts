import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import type { Recorder } from './recorder';

/** Between two looks at the event loop; also the unit in which small delays are told. */
const RESOLUTION_MS = 10;
/** Delays are told of the last one to two of these. */
const WINDOW_MS = 30_000;
const QUANTILES = [0.5, 0.99, 1] as const;

/** What one process costs: CPU time, memory, and how late its event loop runs. */
export class ProcessStats {
  /** Two windows, the elder first, so that the one that is read is never almost empty. */
  private windows: [IntervalHistogram, IntervalHistogram] = [openWindow(), openWindow()];
  private turnedAt = performance.now();
  private cpuSeconds = 0;

  /** @param component name of the process */
  constructor(private readonly component: string) {}

  /** Records the state of now; to be called once for each report. */
  record(metrics: Recorder): void {
    const { component } = this;
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6;
    metrics.record('process_cpu_seconds_total', cpuSeconds - this.cpuSeconds, { component });
    this.cpuSeconds = cpuSeconds;
    const { rss, heapUsed } = process.memoryUsage();
    metrics.record('process_resident_memory_bytes', rss, { component });
    metrics.record('process_heap_used_bytes', heapUsed, { component });
    for (const quantile of QUANTILES) {
      const labels = { component, quantile: String(quantile) };
      metrics.record('event_loop_delay_seconds', this.delaySeconds(quantile), labels);
    }
    this.turn();
  }

  /** The histogram tells the time between two looks, of which one interval is no delay. */
  private delaySeconds(quantile: number): number {
    const [window] = this.windows;
    if (window.count === 0) return 0;
    const nanoseconds = quantile === 1 ? window.max : window.percentile(quantile * 100);
    return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);
  }

  private turn(): void {
    const now = performance.now();
    if (now - this.turnedAt < WINDOW_MS) return;
    this.turnedAt = now;
    const [elder, younger] = this.windows;
    elder.reset();
    this.windows = [younger, elder];
  }
}

function openWindow(): IntervalHistogram {
  const window = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  window.enable();
  return window;
}
