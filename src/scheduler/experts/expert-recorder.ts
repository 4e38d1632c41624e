import { logger } from '../../logging/logger';
import type { RoutedPass } from '../../model-runner/routing';
import type { Routers } from '../../models/config/experts';
import type { BalanceReport } from './balance';
import { copyTokens, countExperts, type PassRecord, type Recording } from './recording';
import { Window } from './window';

export interface RecorderOptions {
  readonly routers: Routers;
  /** Whether the experts of each token are kept, and not their numbers alone. */
  readonly perToken: boolean;
  /** Passes that are kept one by one; Infinity keeps all. */
  readonly capacity: number;
  /** null where nobody asked for it. */
  readonly balance: BalanceReport | null;
}

/** Records which experts the runs of a model choose, between `start` and `stop`. */
export class ExpertRecorder {
  private isRecording = false;
  /** Runs since the recorder watches. */
  private seen = 0;
  private readonly window: Window<PassRecord>;
  private totals: Float64Array;

  constructor(private readonly options: RecorderOptions) {
    this.window = new Window(options.capacity);
    this.totals = this.zeros();
  }

  /** Takes a run of the model, whether it is to be recorded or not. */
  readonly observe = (pass: RoutedPass): void => {
    this.seen += 1;
    if (!this.isRecording) return;
    const { routers, perToken, balance } = this.options;
    const counts = countExperts(routers, pass);
    this.window.push({ id: this.seen, counts, tokens: perToken ? copyTokens(routers, pass) : null });
    addTo(this.totals, counts);
    balance?.add(this.seen, pass.mode, counts);
  };

  /** Drops what was recorded and records from now on. */
  start(): void {
    if (this.isRecording) {
      logger.log(
        'warning',
        'The expert distribution is being recorded already. What was recorded so far is dropped: ' +
          '/stop_expert_distribution_record and /dump_expert_distribution_record would have kept it.',
      );
    }
    this.reset();
    this.isRecording = true;
  }

  /** Records no more; what was recorded stays. */
  stop(): void {
    if (!this.isRecording) {
      logger.log(
        'warning',
        'The expert distribution is not being recorded. /start_expert_distribution_record starts it.',
      );
    }
    this.isRecording = false;
  }

  /** Gives out what was recorded and begins anew; goes on recording if it did. */
  take(): Recording {
    const { totals } = this;
    const recording = {
      passes: this.window.toArray(),
      totals,
      balancedness: this.options.balance?.mean ?? null,
    };
    this.reset();
    return recording;
  }

  /** Takes back what could not be used: the passes since then follow it. */
  putBack({ passes, totals }: Recording): void {
    const since = this.window.toArray();
    this.window.clear();
    for (const pass of [...passes, ...since]) this.window.push(pass);
    addTo(this.totals, totals);
  }

  private reset(): void {
    logger.info('Resetting ExpertDistributionRecorder...');
    this.window.clear();
    this.totals = this.zeros();
    this.options.balance?.reset();
  }

  private zeros(): Float64Array {
    const { layers, numExperts } = this.options.routers;
    return new Float64Array(layers.length * numExperts);
  }
}

function addTo(sums: Float64Array, counts: Int32Array | Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (counts[i] as number);
}
