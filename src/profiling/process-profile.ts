import { join } from 'node:path';
import { CpuProfile } from './cpu-profile';

/** What a process is told to profile. */
export interface ProfileOrder {
  /** Where its files go; is there already. */
  readonly folder: string;
  /** First part of their names. */
  readonly label: string;
  /** Steps after which the profile is over; null leaves that to whoever stops it. */
  readonly steps: number | null;
}

/** What a process can profile besides its JavaScript. */
export interface ProfileSource {
  /** @param onStep told of each step, with how many there were */
  start(folder: string, label: string, onStep: (count: number) => void): Promise<void>;
  /** Writes its files. */
  stop(label: string): Promise<void>;
}

/** The profile of this process. */
export class ProcessProfile {
  private constructor(
    private readonly order: ProfileOrder,
    private readonly cpu: CpuProfile,
    private readonly source: ProfileSource | null,
  ) {}

  /** @param onOver told once when the steps asked for are done */
  static async start(
    order: ProfileOrder,
    source: ProfileSource | null,
    onOver: () => void,
  ): Promise<ProcessProfile> {
    const { folder, label, steps } = order;
    await source?.start(folder, label, (count) => {
      if (count === steps) onOver();
    });
    try {
      return new ProcessProfile(order, await CpuProfile.start(), source);
    } catch (error) {
      await source?.stop(label);
      throw error;
    }
  }

  /** Ends it and writes its files. */
  async stop(): Promise<void> {
    const { folder, label } = this.order;
    try {
      await this.cpu.stop(join(folder, `${label}.cpuprofile`));
    } finally {
      await this.source?.stop(label);
    }
  }
}
