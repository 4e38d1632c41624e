import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector';

/** Finer than V8's own millisecond: what a step costs outside the model takes less than that. */
const SAMPLING_US = 200;

/** A profile of this process's own JavaScript, as V8 samples it. At most one at a time. */
export class CpuProfile {
  private constructor(private readonly session: Session) {}

  /** Samples from now on. */
  static async start(): Promise<CpuProfile> {
    const session = new Session();
    session.connect();
    const profile = new CpuProfile(session);
    await profile.post('Profiler.enable');
    await profile.post('Profiler.setSamplingInterval', { interval: SAMPLING_US });
    await profile.post('Profiler.start');
    return profile;
  }

  /** Ends it and writes `path`, a `.cpuprofile` that Chrome's developer tools and VS Code open. */
  async stop(path: string): Promise<void> {
    try {
      const { profile } = (await this.post('Profiler.stop')) as { profile: object };
      await writeFile(path, JSON.stringify(profile), { mode: 0o600 });
    } finally {
      this.session.disconnect();
    }
  }

  private post(method: string, params: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.session.post(method, params, (error: Error | null, result?: object) =>
        error ? reject(error) : resolve(result),
      );
    });
  }
}
