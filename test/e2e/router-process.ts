import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** SGLang's own router (`pip install sglang-router`) in front of servers of a test. */

/**
 * The Python that has the package: `SGLANG_ROUTER_PYTHON`, or `python3`.
 * @returns null, with a notice, when there is none: the caller skips its tests
 */
export function routerPython(): string | null {
  const python = process.env['SGLANG_ROUTER_PYTHON'] ?? 'python3';
  if (spawnSync(python, ['-c', 'import sglang_router'], { stdio: 'ignore' }).status === 0) return python;
  process.stderr.write(`skipped: ${python} has no package sglang_router (set SGLANG_ROUTER_PYTHON)\n`);
  return null;
}

interface WorkerList {
  readonly workers: readonly { readonly url: string; readonly is_healthy: boolean }[];
}

/** A router; stop it after use. */
export class Router {
  private log = '';
  private readonly process: ChildProcess;
  private readonly closed: Promise<unknown>;

  private constructor(
    readonly url: string,
    python: string,
    args: readonly string[],
  ) {
    this.process = spawn(python, ['-m', 'sglang_router.launch_router', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (data: Buffer) => (this.log += data.toString()));
    }
    this.closed = once(this.process, 'close');
  }

  /** Resolves when the router has found all of `workers` healthy. */
  static async start(
    python: string,
    workers: readonly string[],
    args: readonly string[] = [],
  ): Promise<Router> {
    const [port, metricsPort] = await freePorts(2);
    const router = new Router(`http://127.0.0.1:${port}`, python, [
      ...['--host', '127.0.0.1', '--port', String(port), '--prometheus-port', String(metricsPort)],
      ...['--worker-urls', ...workers],
      ...['--health-check-interval-secs', '1', '--health-failure-threshold', '1', ...args],
    ]);
    try {
      await router.until((healthy) => workers.every((url) => healthy.some((one) => one.startsWith(url))));
      return router;
    } catch (error) {
      await router.stop();
      throw error;
    }
  }

  /** Waits until the healthy workers are as wanted. */
  async until(wanted: (healthy: readonly string[]) => boolean): Promise<void> {
    const end = Date.now() + 60_000;
    while (!wanted(await this.healthy())) {
      if (Date.now() > end) throw new Error(`the router's workers are not as wanted\n${this.log}`);
      await sleep(50);
    }
  }

  post(path: string, body: object): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    return fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async stop(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.closed;
  }

  private async healthy(): Promise<string[]> {
    try {
      const { workers } = (await (await fetch(`${this.url}/workers`)).json()) as WorkerList;
      return workers.filter((worker) => worker.is_healthy).map(({ url }) => url);
    } catch {
      return [];
    }
  }
}

async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer());
  await Promise.all(probes.map((probe) => once(probe.listen(0, '127.0.0.1'), 'listening')));
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map((probe) => new Promise((done) => probe.close(done))));
  return ports;
}
