import { errorMessage } from '../core/errors';
import { ProcessProfile, type ProfileOrder, type ProfileSource } from '../profiling/process-profile';
import type { ChildReport } from './protocol';

/** Carries out the launcher's orders about profiles in a child, one after the other, and answers each. */
export class ProfileDuty {
  private profile: ProcessProfile | null = null;

  constructor(private readonly report: (report: ChildReport) => void) {}

  start(order: ProfileOrder, source: ProfileSource | null): Promise<void> {
    return this.answer(async () => {
      this.profile = await ProcessProfile.start(order, source, () => this.report({ type: 'profile_over' }));
    });
  }

  stop(): Promise<void> {
    return this.answer(async () => {
      const { profile } = this;
      this.profile = null;
      await profile?.stop();
    });
  }

  private async answer(work: () => Promise<void>): Promise<void> {
    let error: string | null = null;
    try {
      await work();
    } catch (thrown) {
      error = errorMessage(thrown);
    }
    this.report({ type: 'profile', error });
  }
}
