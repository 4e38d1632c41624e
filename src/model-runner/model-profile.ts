import { join } from 'node:path';
import { RunProfile } from '../onnxruntime/run-profile';

/** Runs that are recorded operator by operator: some 100 kB each for a model of usual depth. */
const MAX_RUNS = 1000;

/** Profiles what a loaded model computes: its operators, in a Chrome trace. */
export class ModelProfile {
  private profile: RunProfile | null = null;
  private path = '';

  /** @param runs where the runs of the model are recorded: `ModelWeights`, whichever session they have */
  constructor(private readonly runs: { profile: RunProfile | null }) {}

  /**
   * @param folder of the profile; is there already
   * @param label first part of the names of its files
   * @param onRun told of each run of the model, with how many there were
   */
  async start(folder: string, label: string, onRun: (count: number) => void): Promise<void> {
    this.path = join(folder, `${label}.trace.json`);
    this.profile = await RunProfile.start(folder, MAX_RUNS, onRun);
    this.runs.profile = this.profile;
  }

  /** Writes the trace. */
  async stop(label: string): Promise<void> {
    const { profile } = this;
    this.profile = null;
    this.runs.profile = null;
    try {
      await profile?.write(this.path, `sglang::${label}`);
    } finally {
      await profile?.dispose();
    }
  }
}
