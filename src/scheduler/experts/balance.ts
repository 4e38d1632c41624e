import { logger } from '../../logging/logger';
import type { Recorder } from '../../metrics/recorder';
import type { RoutedPass } from '../../model-runner/routing';
import type { Routers } from '../../models/config/experts';
import { Window } from './window';

/** Keeps a layer without tokens from dividing by nothing. */
const EPSILON = 1e-5;
/** Passes over which the log says means. */
const SPANS = [10, 100, 1000] as const;
const LONGEST = SPANS[2];

/**
 * How evenly a pass was spread: the mean load of an expert over the highest, mean of the layers with experts. 1 is even.
 * @param counts [layers with experts, experts]
 */
export function balancedness({ layers, numExperts }: Routers, counts: Int32Array): number {
  const rates = layers.map(({ experts }, row) => {
    const own = counts.subarray(row * numExperts, row * numExperts + experts);
    const mean = own.reduce((sum, count) => sum + count, 0) / experts;
    return (mean + EPSILON) / (Math.max(...own) + EPSILON);
  });
  return average(rates);
}

/** Says in metrics and log how evenly recorded passes are spread. */
export class BalanceReport {
  private readonly last = new Window<number>(LONGEST);
  private untilLog: number;

  /** @param logInterval passes between two lines of the log */
  constructor(
    private readonly routers: Routers,
    private readonly metrics: Recorder,
    private readonly logInterval: number,
  ) {
    this.untilLog = logInterval;
  }

  /** Mean of the last passes; null without any. */
  get mean(): number | null {
    const values = this.last.toArray();
    return values.length === 0 ? null : average(values);
  }

  add(id: number, mode: RoutedPass['mode'], counts: Int32Array): void {
    const value = balancedness(this.routers, counts);
    this.last.push(value);
    this.metrics.record('eplb_balancedness', value, { forward_mode: mode });
    this.untilLog -= 1;
    if (this.untilLog > 0) return;
    this.untilLog = this.logInterval;
    const values = this.last.toArray();
    const means = SPANS.map(
      (span) => `last_${span}_average_balancedness=${average(values.slice(-span)).toFixed(3)}`,
    );
    logger.log(
      'info',
      `[Expert Balancedness] forward_pass_id=${id} current_pass_balancedness=${value.toFixed(3)} ${means.join(' ')}`,
    );
  }

  reset(): void {
    this.last.clear();
    this.untilLog = this.logInterval;
  }
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
