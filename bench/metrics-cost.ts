import { Command } from 'commander';
import { parseOptions } from './serving/options';
import { runBenchmark } from './serving/run';
import { StartedServer } from './started-server';

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

async function main(): Promise<void> {
  const options = new Command('bench:metrics')
    .option('--rounds <count>', 'rounds of each server', '8')
    .option('--prompts <count>', 'requests of a round', '256')
    .option('--concurrency <count>', 'requests at a time', '64')
    .option('--tokens <count>', 'tokens of each answer', '64')
    .parse()
    .opts<Options>();
  const plain = await StartedServer.start([]);
  const counting = await StartedServer.start(['--enable-metrics']);
  const rounds: Record<'off' | 'on', Round[]> = { off: [], on: [] };
  console.log('         off tokens/s  ms/1000  on tokens/s  ms/1000');
  for (let round = 0; round <= Number(options.rounds); round++) {
    // In turn who comes first, so that a machine that warms up or tires favours nobody.
    const order = round % 2 === 0 ? (['off', 'on'] as const) : (['on', 'off'] as const);
    const measured: Partial<Record<'off' | 'on', Round>> = {};
    for (const name of order) {
      const server = name === 'on' ? counting : plain;
      const scraping = name === 'on' ? setInterval(() => void server.metrics(), 1000) : undefined;
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
  const { ms, bytes } = await page(counting);
  console.log(`a page of ${bytes} bytes takes ${ms.toFixed(1)} ms`);
  for (const server of [plain, counting]) server.stop();
}

async function drive(server: StartedServer, options: Options, seed: number): Promise<Round> {
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

/** The median time of a page on an idle server, and its length. */
async function page(server: StartedServer): Promise<{ ms: number; bytes: number }> {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < 50; i++) {
    const startedAt = performance.now();
    bytes = (await server.metrics()).length;
    times.push(performance.now() - startedAt);
  }
  return { ms: median(times), bytes };
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
