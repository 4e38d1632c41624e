import { Presets, SingleBar } from 'cli-progress';

/** A progress bar on stderr; silent where stderr is not a terminal, so that log files hold lines only. */
export class Progress {
  private readonly bar: SingleBar | null;

  /** @param total steps that make the bar complete */
  constructor(label: string, total: number) {
    const visible = process.stderr.isTTY === true;
    this.bar = visible
      ? new SingleBar({ format: `${label}: {percentage}% Completed | {value}/{total} [{duration_formatted}]` }, Presets.rect)
      : null;
    this.bar?.start(total, 0);
  }

  step(): void {
    this.bar?.increment();
  }

  stop(): void {
    this.bar?.stop();
  }
}
