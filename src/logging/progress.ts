import { Presets, SingleBar } from 'cli-progress';
import { logger } from './logger';

/**
 * A progress bar on stderr; silent where stderr is not a terminal, so that log files hold lines only, and where the log
 * level hides what it would accompany.
 */
export class Progress {
  private readonly bar: SingleBar | null;

  /** @param total steps that make the bar complete */
  constructor(label: string, total: number) {
    const visible = process.stderr.isTTY === true && logger.isLevelEnabled('info');
    this.bar = visible
      ? new SingleBar(
          { format: `${label}: {percentage}% Completed | {value}/{total} [{duration_formatted}]` },
          Presets.rect,
        )
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
