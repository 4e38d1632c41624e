import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';

/**
 * Whether a server's memory comes to rest: thousands of equal requests, and the resident memory of its three processes after
 * each so many of them.
 */
interface Options {
  readonly modelPath: string | undefined;
  readonly requests: string;
  readonly every: string;
  readonly concurrency: string;
  readonly tokens: string;
}

const PROMPT = 'Once upon a time, in a village between two rivers, there lived ';

async function main(): Promise<void> {
  const options = new Command('bench:soak')
    .option('--model-path <folder>', 'checkpoint; the one that ships by default')
    .option('--requests <count>', 'requests in all', '6000')
    .option('--every <count>', 'requests between two samples', '1000')
    .option('--concurrency <count>', 'requests at a time', '4')
    .option('--tokens <count>', 'tokens of each answer', '32')
    .parse()
    .opts<Options>();
  const model = options.modelPath === undefined ? [] : ['--model-path', options.modelPath];
  const launcher = join(__dirname, '..', '..', 'dist', 'launch-server.js');
  const args = ['--port', '0', '--max-total-tokens', '8192', ...model];
  const server = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  server.stderr.on('data', (bytes: Buffer) => (log += bytes.toString()));
  server.once('exit', (code) => code === 0 || console.error(log));
  while (!log.includes('fired up')) await new Promise((resolve) => setTimeout(resolve, 50));
  const [, url = ''] = /Uvicorn running on (\S+)/.exec(log) ?? [];
  log = '';

  console.log('requests  main MB  scheduler MB  detokenizer MB');
  const [total, every] = [Number(options.requests), Number(options.every)];
  for (let done = 0; ; done += every) {
    const memory = [server.pid ?? 0, ...childrenOf(server.pid ?? 0)].map(residentMegabytes);
    console.log([String(done).padStart(8), ...memory.map((mb) => mb.toFixed(0).padStart(10))].join(' '));
    if (done >= total) break;
    await send(url, done, every, Number(options.concurrency), Number(options.tokens));
    log = '';
  }
  server.kill('SIGTERM');
}

/** `count` requests that differ in their last word, so many at a time. */
async function send(
  url: string,
  from: number,
  count: number,
  concurrency: number,
  tokens: number,
): Promise<void> {
  let next = from;
  const worker = async () => {
    while (next < from + count) {
      const body = {
        text: `${PROMPT}${next++ % 100}`,
        sampling_params: { temperature: 0, max_new_tokens: tokens, ignore_eos: true },
      };
      const reply = await fetch(`${url}/generate`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
      await reply.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** Process ids of the scheduler and the detokenizer. */
function childrenOf(parent: number): number[] {
  const isChild = (pid: string) => field(pid, 'PPid') === parent;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && isChild(name));
  const isScheduler = (pid: string) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('scheduler');
  return pids.sort((a, b) => Number(isScheduler(b)) - Number(isScheduler(a))).map(Number);
}

function residentMegabytes(pid: number): number {
  return field(String(pid), 'VmRSS') / 1024;
}

/** A number of /proc/<pid>/status; NaN once the process is gone. */
function field(pid: string, name: string): number {
  try {
    const [, value] =
      new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(value);
  } catch {
    return NaN;
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
