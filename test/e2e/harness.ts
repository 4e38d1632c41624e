import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Starts real servers, one process tree each, and makes sure that none outlives its test file. */

const REPOSITORY = resolve(__dirname, '../..');
/** The command. */
export const LAUNCHER = join(REPOSITORY, 'dist/launch-server.js');

/** The checkpoint that servers here serve unless told otherwise: random weights, so nothing hangs on what it learnt. */
export const TEST_MODEL = join(REPOSITORY, 'test/model/checkpoints/random-qwen2');

/**
 * Folder of further checkpoints, not part of the project: `SGLANG_NODE_SHARED`, or `../shared` beside the repository.
 * @returns null, with a notice, when `name` is not there: the caller skips its tests
 */
export function sharedModel(name: string): string | null {
  const folder = join(process.env['SGLANG_NODE_SHARED'] ?? join(REPOSITORY, '../shared'), 'models', name);
  if (existsSync(join(folder, 'config.json'))) return folder;
  process.stderr.write(`skipped: no model ${folder} (set SGLANG_NODE_SHARED)\n`);
  return null;
}

const servers = new Set<Server>();

/**
 * Starts a server and waits until it is ready. `TEST_MODEL` and any free port, unless `args` say otherwise.
 * @param env added to this process's environment
 * @throws Error with the whole log when the server ends before it is ready
 */
export async function launch(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const server = await start(args, env);
  await server.ready();
  return server;
}

/** Starts a server without waiting for it. */
export async function start(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Server> {
  const full = [...args];
  if (!hasFlag(full, '--model-path', '--model', '--config')) full.push('--model-path', TEST_MODEL);
  if (!hasFlag(full, '--port')) full.push('--port', isQuiet(full) ? String(await freePort()) : '0');
  const server = new Server(full, env);
  servers.add(server);
  return server;
}

/** One server: the process that `launch_server` is, with its children. */
export class Server {
  stdout = '';
  stderr = '';
  /** A private folder for temporary files, so that what is left over can be seen. */
  readonly tmp = mkdtempSync(join(tmpdir(), 'e2e-'));
  private readonly process: ChildProcess;
  private readonly closed: Promise<unknown[]>;
  private ended = false;

  constructor(
    private readonly args: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    this.process = spawn(process.execPath, [LAUNCHER, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // Names that stand for no model must not be asked for outside.
      env: { ...process.env, TMPDIR: this.tmp, HF_HUB_OFFLINE: '1', ...env },
      // A process group of its own: signals to the group are what a terminal sends.
      detached: true,
    });
    this.process.stdout?.on('data', (data: Buffer) => (this.stdout += data.toString()));
    this.process.stderr?.on('data', (data: Buffer) => (this.stderr += data.toString()));
    this.closed = once(this.process, 'close').finally(() => (this.ended = true));
  }

  /** Process id of the main process. */
  get pid(): number {
    return this.process.pid ?? -1;
  }

  /** The server as this machine reaches it; the port is known from the line `server_args=`, or from the flags. */
  get url(): string {
    const port = / port=(\d+), /.exec(this.stderr)?.[1] ?? flagValue(this.args, '--port');
    return `http://127.0.0.1:${port}`;
  }

  /** 0 as long as it is not known. */
  get port(): number {
    return Number(/:(\d+)$/.exec(this.url)?.[1] ?? 0);
  }

  /** Resolves when the server has answered its own warm-up request. */
  async ready(limitMs = 60_000): Promise<void> {
    const quiet = isQuiet(this.args);
    await this.until(
      async () =>
        quiet ? this.isHealthy() : this.stderr.includes('The server is fired up and ready to roll!'),
      'the server is ready',
      limitMs,
    );
  }

  /** Resolves when the log (stderr) contains `text`. */
  async logged(text: string, limitMs = 60_000): Promise<void> {
    await this.until(async () => this.stderr.includes(text), `the log contains ${text}`, limitMs);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.url + path, init);
  }

  /** POST with a JSON body. */
  post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    const headers = { 'content-type': 'application/json', ...(init.headers as Record<string, string>) };
    return this.fetch(path, { ...init, method: 'POST', headers, body: JSON.stringify(body) });
  }

  /** Resolves when no request runs or waits: what a client left goes a moment after the client. */
  async idle(init: RequestInit = {}, limitMs = 30_000): Promise<void> {
    const isIdle = async (): Promise<boolean> => {
      const reply = (await (await this.fetch('/v1/loads', init)).json()) as {
        aggregate: { total_reqs: number };
      };
      return reply.aggregate.total_reqs === 0;
    };
    await this.until(isIdle, 'no request runs', limitMs);
  }

  /** Process ids of the children, by the last part of their title. */
  children(): Record<string, number> {
    const rows = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(this.pid)], { encoding: 'utf8' });
    const found = [...rows.matchAll(/^\s*(\d+) sglang::(\w+)/gm)];
    return Object.fromEntries(found.map(([, pid, name = '']): [string, number] => [name, Number(pid)]));
  }

  /** Sends a signal to the main process, or to the whole group as a terminal does. */
  signal(signal: NodeJS.Signals, target: 'main' | 'group' = 'main'): void {
    process.kill(target === 'main' ? this.pid : -this.pid, signal);
  }

  /** Exit code of the main process, or the name of the signal that ended it; waits for it. */
  async exit(limitMs = 30_000): Promise<number | string> {
    const limit = sleep(limitMs, null, { ref: false });
    const closed = await Promise.race([this.closed, limit]);
    if (closed === null) throw new Error(`the server did not exit\n${this.stderr}`);
    const [code, signal] = closed as [number | null, string | null];
    return code ?? signal ?? 'unknown';
  }

  /** Asks the server to stop and waits. Returns what `exit` returns. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    if (!this.ended) this.signal(signal);
    return this.exit();
  }

  /** Everything of this server that still exists: processes of its group, sockets, its port. Empty when all is well. */
  async leftovers(): Promise<string[]> {
    const processes = execFileSync('ps', ['-e', '-o', 'pgid=,stat=,pid=,args='], { encoding: 'utf8' })
      .split('\n')
      .filter((row) => new RegExp(`^\\s*${this.pid}\\s+[^Z\\s]`).test(row));
    const files = readdirSync(this.tmp).filter((name) => name.startsWith('sglang-'));
    const port = this.port === 0 || (await isFree(this.port)) ? [] : [`port ${this.port}`];
    return [...processes, ...files, ...port];
  }

  /** Resolves when nothing of this server is left; fails with what is. */
  async gone(limitMs = 5_000): Promise<void> {
    const end = Date.now() + limitMs;
    let left = await this.leftovers();
    while (left.length > 0) {
      if (Date.now() > end) throw new Error(`left behind: ${left.join('; ')}\n${this.stderr}`);
      await sleep(20);
      left = await this.leftovers();
    }
  }

  /** Kills whatever is left of the group and removes the temporary folder. */
  async destroy(): Promise<void> {
    try {
      this.signal('SIGKILL', 'group');
    } catch {
      // The group is gone already.
    }
    await this.closed;
    rmSync(this.tmp, { recursive: true, force: true });
  }

  private async isHealthy(): Promise<boolean> {
    try {
      return (await this.fetch('/health')).status === 200;
    } catch {
      return false;
    }
  }

  private async until(condition: () => Promise<boolean>, what: string, limitMs: number): Promise<void> {
    const end = Date.now() + limitMs;
    while (!(await condition())) {
      const reason = this.ended ? 'the server ended before' : Date.now() > end ? 'timed out before' : null;
      if (reason !== null) throw new Error(`${reason} ${what}\n${this.stdout}${this.stderr}`);
      await sleep(10);
    }
  }
}

/** The events of a server-sent stream, as parsed JSON, without the final `[DONE]`. */
export async function* events(reply: Response): AsyncGenerator<Record<string, unknown>> {
  if (reply.body === null) return;
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of reply.body) {
    text += decoder.decode(bytes as Uint8Array, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block.replace(/^data: /, '');
      if (data !== '[DONE]') yield JSON.parse(data) as Record<string, unknown>;
    }
  }
}

/** The title a process gave itself, or null when it is gone. */
export function processTitle(pid: number): string | null {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) ? readFileSync(file, 'utf8').replace(/\0+$/, '').split('\0').join(' ') : null;
}

/** Whether nothing listens on the port of the loopback interface. */
export async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    await once(probe.listen(port, '127.0.0.1'), 'listening');
    return true;
  } catch {
    return false;
  } finally {
    probe.close();
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await once(probe.listen(0, '127.0.0.1'), 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

function hasFlag(args: readonly string[], ...names: string[]): boolean {
  return args.some((arg) => names.includes(arg.split('=')[0] ?? ''));
}

function flagValue(args: readonly string[], name: string): string {
  return args[args.indexOf(name) + 1] ?? '';
}

/** Whether the flags hide the lines that tell the port and readiness. */
function isQuiet(args: readonly string[]): boolean {
  return hasFlag(args, '--log-level') && !['info', 'debug'].includes(flagValue(args, '--log-level'));
}

afterAll(async () => {
  await Promise.all([...servers].map((server) => server.destroy()));
  servers.clear();
});
