import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const CLOCK_TICKS = 100;

/** A server in processes of its own, of what is built. */
export class StartedServer {
  private constructor(
    private readonly process: ChildProcess,
    readonly url: string,
  ) {}

  /**
   * Starts it on any free port.
   * @throws Error with its log when it ends before it is ready
   */
  static async start(flags: readonly string[]): Promise<StartedServer> {
    const launcher = join(__dirname, '..', '..', 'dist', 'launch-server.js');
    const child = spawn(process.execPath, [launcher, '--port', '0', ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.on('data', (bytes: Buffer) => (log += log.includes('fired up') ? '' : bytes.toString()));
    while (!log.includes('fired up')) {
      if (child.exitCode !== null) throw new Error(log);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return new StartedServer(child, /Uvicorn running on (\S+)/.exec(log)?.[1] ?? '');
  }

  /** The page of `/metrics`. */
  async metrics(): Promise<string> {
    return (await fetch(`${this.url}/metrics`)).text();
  }

  /** CPU time of its processes so far. */
  cpuMs(): number {
    const main = this.process.pid ?? 0;
    const stats = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(statOf)
      .filter((stat) => stat !== null)
      .filter(({ pid, parent }) => pid === main || parent === main);
    return stats.reduce((sum, { ticks }) => sum + ticks, 0) * (1000 / CLOCK_TICKS);
  }

  stop(): void {
    this.process.kill('SIGTERM');
  }
}

function statOf(name: string): { pid: number; parent: number; ticks: number } | null {
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
    // Fields after the command, which may hold anything: state, parent …, user and system ticks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}
