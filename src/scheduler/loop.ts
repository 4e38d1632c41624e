import { bug } from '../core/errors';
import type {
  DetokenizerMsg,
  InternalState,
  MemoryUse,
  SchedulerLoad,
  SchedulerMsg,
  SchedulerState,
  TokenizerManagerMsg,
  WeightsMsg,
} from '../ipc/messages';
import type { Recorder } from '../metrics/recorder';
import type { ExpertDuty, ExpertMsg } from './experts/expert-duty';
import { recordLoad } from './load-gauges';
import type { WeightsDuty } from './weights/weights-duty';

/** Where the scheduler's messages go, and whose they are. */
export interface SchedulerOutlets {
  /** Which of the schedulers this is. */
  readonly rank: number;
  readonly detokenizer: (message: DetokenizerMsg) => void;
  readonly tokenizerManager: (message: TokenizerManagerMsg) => void;
}

/** What a scheduler of one kind of model makes of itself; the rest is the same for all of them. */
export type KindMsg = Exclude<SchedulerMsg, WeightsMsg | ExpertMsg>;

/**
 * A scheduler as its process sees it, whatever the kind of model: a loop that takes messages between two batches, and sleeps
 * when there is nothing to compute.
 */
export abstract class Loop {
  private readonly inbox: SchedulerMsg[] = [];
  private wake: (() => void) | null = null;
  private nudged = false;
  private stopped = false;
  /** Called when the loop falls idle. */
  onIdle: () => void = () => undefined;

  abstract readonly state: SchedulerState;
  abstract readonly load: SchedulerLoad;
  abstract readonly memory: MemoryUse;

  protected abstract readonly weightsDuty: WeightsDuty;
  /** null where no experts are recorded. */
  protected abstract readonly experts: ExpertDuty | null;

  // State changes in these calls only, never while a batch runs.
  protected abstract handle(message: KindMsg): void;
  /** Computes one batch. @returns false when there was nothing to compute */
  protected abstract step(): Promise<boolean>;
  /** Nothing is left to compute. */
  protected abstract idle(): void;

  get internalState(): InternalState {
    return { ...this.memory, load: this.load };
  }

  /** Records how things stand. */
  recordGauges(metrics: Recorder): void {
    recordLoad(metrics, this.load);
  }

  /** Takes a message of the inbox, at any time. */
  receive(message: SchedulerMsg): void {
    this.inbox.push(message);
    this.wake?.();
  }

  /** Has an idle loop look again, e.g. at timeouts. */
  nudge(): void {
    this.nudged = true;
    this.wake?.();
  }

  stop(): void {
    this.stopped = true;
    this.wake?.();
  }

  private dispatch(message: SchedulerMsg): void {
    switch (message.type) {
      case 'load_weights':
      case 'swap_weights':
      case 'drop_weights':
      case 'read_weights':
      case 'release_memory':
      case 'resume_memory':
        return this.weightsDuty.handle(message);
      case 'expert_distribution':
        if (this.experts === null) throw bug('asked for experts that are not recorded');
        return this.experts.handle(message);
      default:
        return this.handle(message);
    }
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    while (!this.stopped) {
      this.nudged = false;
      for (const message of this.inbox.splice(0)) this.dispatch(message);
      if (await this.step()) continue;
      if (this.inbox.length > 0 || this.nudged || this.stopped) continue;
      this.idle();
      this.onIdle();
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = null;
    }
  }
}
