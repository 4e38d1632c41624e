import { join } from 'node:path';
import { RunProfile } from '../onnxruntime/run-profile';
import type { Session } from '../onnxruntime/session';

/** Runs that are recorded operator by operator: some 100 kB each for a model of usual depth. */
const MAX_RUNS = 1000;

/** Profiles what a loaded model computes: its operators, in a Chrome trace. */
export class ModelProfile {
  private profile: RunProfile | null = null;
  private path = '';

  constructor(private readonly session: Pick<Session, 'profile'>) {}

  /**
   * @param folder of the profile; is there already
   * @param label first part of the names of its files
   * @param onRun told of each run of the model, with how many there were
   */
  async start(folder: string, label: string, onRun: (count: number) => void): Promise<void> {
    this.path = join(folder, `${label}.trace.json`);
    this.profile = await RunProfile.start(folder, MAX_RUNS, onRun);
    this.session.profile = this.profile;
  }

  /** Writes the trace. */
  async stop(label: string): Promise<void> {
    const { profile } = this;
    this.profile = null;
    this.session.profile = null;
    try {
      await profile?.write(this.path, `sglang::${label}`);
    } finally {
      await profile?.dispose();
    }
  }
}
