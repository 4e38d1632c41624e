import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { parseOptions } from './serving/options';
import { runBenchmark } from './serving/run';

/**
 * What counting and scraping cost: two servers of the shipped model, one with `--enable-metrics` and a page read every second,
 * driven in turn by the same streaming clients. CPU time a token tells small differences that throughput does not.
 */
interface Options {
  readonly rounds: string;
  readonly prompts: string;
  readonly concurrency: string;
  readonly tokens: string;
}

interface Round {
  /** Output tokens a second. */
  readonly throughput: number;
  /** CPU time of all three processes for a thousand output tokens, milliseconds. */
  readonly cpu: number;
}

const CLOCK_TICKS = 100;

async function main(): Promise<void> {
  const options = new Command('bench:metrics')
    .option('--rounds <count>', 'rounds of each server', '8')
    .option('--prompts <count>', 'requests of a round', '256')
    .option('--concurrency <count>', 'requests at a time', '64')
    .option('--tokens <count>', 'tokens of each answer', '64')
    .parse()
    .opts<Options>();
  const plain = await Server.start([]);
  const counting = await Server.start(['--enable-metrics']);
  const rounds: Record<'off' | 'on', Round[]> = { off: [], on: [] };
  console.log('         off tokens/s  ms/1000  on tokens/s  ms/1000');
  for (let round = 0; round <= Number(options.rounds); round++) {
    // In turn who comes first, so that a machine that warms up or tires favours nobody.
    const order = round % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const);
    const measured: Partial<Record<'off' | 'on', Round>> = {};
    for (const name of order) {
      const server = name === 'on' ? counting : plain;
      const scraping = name === 'on' ? setInterval(() => void server.scrape(), 1000) : undefined;
      measured[name] = await drive(server, options, round);
      clearInterval(scraping);
    }
    const { off, on } = measured;
    if (off === undefined || on === undefined) throw new Error('a server was left out');
    print(round === 0 ? 'warm-up' : String(round), off, on);
    if (round === 0) continue;
    rounds.off.push(off);
    rounds.on.push(on);
  }
  print('median', medianOf(rounds.off), medianOf(rounds.on));
  // Rounds of one pair ran side by side in time: what the machine did meanwhile concerns both.
  const change = (read: (round: Round) => number) =>
    percent(median(rounds.on.map((on, i) => read(on) / read(rounds.off[i] ?? on))));
  console.log(`of pairs: throughput ${change((it) => it.throughput)}, CPU a token ${change((it) => it.cpu)}`);
  console.log(`a page of ${counting.pageBytes} bytes takes ${(await counting.pageMs()).toFixed(1)} ms`);
  for (const server of [plain, counting]) server.stop();
}

async function drive(server: Server, options: Options, seed: number): Promise<Round> {
  const before = server.cpuMs();
  const { outputThroughput, totalOutput } = await runBenchmark(
    parseOptions([
      ...['--base-url', server.url, '--seed', String(seed), '--warmup-requests', '0'],
      ...['--num-prompts', options.prompts, '--max-concurrency', options.concurrency],
      ...['--random-input-len', '32', '--random-range-ratio', '1', '--random-output-len', options.tokens],
    ]),
    () => undefined,
  );
  return { throughput: outputThroughput, cpu: ((server.cpuMs() - before) * 1000) / totalOutput };
}

/** A server in processes of its own. */
class Server {
  pageBytes = 0;

  private constructor(
    private readonly process: ChildProcess,
    readonly url: string,
  ) {}

  static async start(flags: readonly string[]): Promise<Server> {
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
    return new Server(child, /Uvicorn running on (\S+)/.exec(log)?.[1] ?? '');
  }

  async scrape(): Promise<void> {
    this.pageBytes = (await (await fetch(`${this.url}/metrics`)).text()).length;
  }

  /** The median time of a page on an idle server. */
  async pageMs(): Promise<number> {
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const startedAt = performance.now();
      await this.scrape();
      times.push(performance.now() - startedAt);
    }
    return median(times);
  }

  /** CPU time of the server's processes so far. */
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

function medianOf(rounds: readonly Round[]): Round {
  return {
    throughput: median(rounds.map(({ throughput }) => throughput)),
    cpu: median(rounds.map(({ cpu }) => cpu)),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

function percent(ratio: number): string {
  return `${ratio >= 1 ? '+' : ''}${((ratio - 1) * 100).toFixed(2)} %`;
}

function print(name: string, off: Round, on: Round): void {
  const cells = [off.throughput, off.cpu, on.throughput, on.cpu].map((value) =>
    value.toFixed(1).padStart(11),
  );
  console.log(name.padEnd(8) + cells.join(''));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
