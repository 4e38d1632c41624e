import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Recorder } from './recorder';

/** Between two looks at the event loop: each wakes an idle process, and what is shorter may fall between two of them. */
const RESOLUTION_MS = 20;
/** Delays are told of this one and the one before, so that none is forgotten before a scrape has seen it. */
const WINDOW_MS = 30_000;
const QUANTILES = [0.5, 0.99, 1] as const;

/** What one process costs: CPU time, memory, and how late its event loop runs. */
export class ProcessStats {
  private readonly loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  /** The delays of the window before, by quantile. */
  private before: readonly number[] = QUANTILES.map(() => 0);
  private turnedAt = performance.now();
  private cpuSeconds = 0;

  /** @param component name of the process */
  constructor(private readonly component: string) {
    this.loop.enable();
  }

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
    const delays = QUANTILES.map((quantile) => this.delaySeconds(quantile));
    QUANTILES.forEach((quantile, i) => {
      const worst = Math.max(delays[i] ?? 0, this.before[i] ?? 0);
      metrics.record('event_loop_delay_seconds', worst, { component, quantile: String(quantile) });
    });
    if (performance.now() - this.turnedAt < WINDOW_MS) return;
    this.turnedAt = performance.now();
    this.before = delays;
    this.loop.reset();
  }

  /** The histogram tells the time between two looks, of which one interval is no delay. */
  private delaySeconds(quantile: number): number {
    const { loop } = this;
    if (loop.count === 0) return 0;
    const nanoseconds = quantile === 1 ? loop.max : loop.percentile(quantile * 100);
    return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);
  }
}
