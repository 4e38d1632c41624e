import type { DetokenizerMsg, SchedulerMsg, SchedulerState, TokenizerManagerMsg } from '../ipc/messages';

/** Where the scheduler's messages go. */
export interface SchedulerOutlets {
  readonly detokenizer: (message: DetokenizerMsg) => void;
  readonly tokenizerManager: (message: TokenizerManagerMsg) => void;
}

/** A scheduler as its process sees it, whatever the kind of model. */
export interface ModelScheduler {
  /** Takes a message of the inbox, at any time. */
  receive(message: SchedulerMsg): void;
  /** Has an idle loop look again, e.g. at timeouts. */
  nudge(): void;
  stop(): void;
  readonly state: SchedulerState;
  /** Runs until `stop`. */
  run(): Promise<void>;
}

/** What a scheduler does in its loop. State changes in these calls only, never while a batch runs. */
export interface LoopSteps {
  handle(message: SchedulerMsg): void;
  /** Computes one batch. @returns false when there was nothing to compute */
  step(): Promise<boolean>;
  /** Nothing is left to compute. */
  idle(): void;
}

/** Takes messages between two batches, and sleeps when there is nothing to compute. */
export class Loop {
  private readonly inbox: SchedulerMsg[] = [];
  private wake: (() => void) | null = null;
  private nudged = false;
  private stopped = false;

  constructor(private readonly steps: LoopSteps) {}

  receive(message: SchedulerMsg): void {
    this.inbox.push(message);
    this.wake?.();
  }

  nudge(): void {
    this.nudged = true;
    this.wake?.();
  }

  stop(): void {
    this.stopped = true;
    this.wake?.();
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      this.nudged = false;
      for (const message of this.inbox.splice(0)) this.steps.handle(message);
      if (await this.steps.step()) continue;
      if (this.inbox.length > 0 || this.nudged || this.stopped) continue;
      this.steps.idle();
      await new Promise<void>((resolve) => (this.wake = resolve));
      this.wake = null;
    }
  }
}
