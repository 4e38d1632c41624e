import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether a process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until `condition` holds. */
export async function until(condition: () => boolean, what: string, limitMs = 15_000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}`);
    await sleep(10);
  }
}

interface Started {
  readonly pids: { readonly scheduler: number; readonly detokenizer: number };
  readonly directory: string;
}

const running = new Set<ChildProcess>();

/** A launcher process with fixture children. */
export class Launcher {
  stdout = '';
  stderr = '';
  readonly exited: Promise<unknown[]>;
  private readonly process: ChildProcess;

  constructor(behaviour: string) {
    this.process = spawn(process.execPath, [join(__dirname, 'fixtures/launcher.js'), behaviour], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    running.add(this.process);
    this.process.stdout?.on('data', (data: Buffer) => (this.stdout += data.toString()));
    this.process.stderr?.on('data', (data: Buffer) => (this.stderr += data.toString()));
    this.exited = once(this.process, 'close');
  }

  get pid(): number {
    return this.process.pid ?? -1;
  }

  /** Exit code, or the signal that ended it. */
  async exit(): Promise<number | string> {
    const [code, signal] = await this.exited;
    return (code ?? signal) as number | string;
  }

  async started(): Promise<Started> {
    await until(() => this.stdout.includes('\n'), 'the children are forked');
    return JSON.parse(this.stdout.slice(0, this.stdout.indexOf('\n'))) as Started;
  }

  async ready(): Promise<void> {
    await until(
      () => this.stdout.includes('ready\n'),
      `the children are ready; ${this.stdout}${this.stderr}`,
    );
  }

  /** To the launcher and its children together, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }
}

/** Kills whatever a test left behind. */
export function killLaunchers(): void {
  for (const { pid } of running) {
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // The group is gone already.
    }
  }
  running.clear();
}
