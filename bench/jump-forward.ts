import { join } from 'node:path';
import { Command } from 'commander';
import { inTurn, median } from './in-turn';
import { StartedServer } from './started-server';

/**
 * What it saves to take text that a grammar forces over without asking the model: two servers, one with `--disable-jump-forward`,
 * asked in turn for the same JSON with long keys. Time a reply is what counts: the two need not spell a text with as many tokens.
 */
interface Options {
  readonly modelPath: string;
  readonly tokenizerPath?: string;
  readonly loadFormat: string;
  readonly rounds: string;
  readonly concurrency: string;
  readonly keys: string;
  readonly indented: boolean;
}

interface Reply {
  readonly text: string;
  readonly meta_info: {
    readonly completion_tokens: number;
    readonly finish_reason: { readonly type: string };
  };
}

interface Round {
  /** Milliseconds for one reply of each client. */
  readonly ms: number;
  readonly tokens: number;
  readonly characters: number;
}

const MODES = ['step', 'jump'] as const;
type Mode = (typeof MODES)[number];

async function main(): Promise<void> {
  const options = new Command('bench:jump-forward')
    .option('--model-path <folder>', 'checkpoint', join(__dirname, '..', '..', 'models', 'demo-chat'))
    .option('--tokenizer-path <folder>', 'where the model has no tokenizer')
    .option('--load-format <format>', 'auto or dummy (random weights)', 'auto')
    .option('--rounds <count>', 'rounds of each server', '7')
    .option('--concurrency <list>', 'requests at a time', '1,8')
    .option('--keys <count>', 'properties of an object', '8')
    .option('--indented', 'allow whitespace', false)
    .parse()
    .opts<Options>();
  const servers = { step: await start(options, ['--disable-jump-forward']), jump: await start(options, []) };
  for (const clients of options.concurrency.split(',').map(Number)) {
    const rounds = await inTurn(MODES, Number(options.rounds), (mode, round) =>
      drive(servers[mode].url, clients, Number(options.keys), round),
    );
    report(clients, rounds);
  }
  for (const server of Object.values(servers)) server.stop();
}

function report(clients: number, { step, jump }: Record<Mode, Round[]>): void {
  const of = (rounds: readonly Round[], read: (round: Round) => number) => median(rounds.map(read));
  for (const [mode, rounds] of [
    ['step', step],
    ['jump', jump],
  ] as const) {
    const ms = of(rounds, (round) => round.ms);
    const tokens = of(rounds, (round) => round.tokens);
    const characters = of(rounds, (round) => round.characters);
    console.log(
      `${clients} at a time, ${mode}: ${ms.toFixed(0)} ms, ${tokens} tokens (${((tokens * 1000) / ms).toFixed(1)} a second), ` +
        `${characters} characters (${((characters * 1000) / ms).toFixed(0)} a second)`,
    );
  }
  const gain = median(step.map(({ ms, characters }, i) => ratio(jump[i], ms / characters)));
  console.log(`${clients} at a time: ${gain.toFixed(2)} times as fast, by characters (median of pairs)`);
}

function ratio(jump: Round | undefined, step: number): number {
  return jump === undefined ? NaN : step / (jump.ms / jump.characters);
}

async function drive(url: string, clients: number, keys: number, round: number): Promise<Round> {
  const startedAt = performance.now();
  const replies = await Promise.all(
    Array.from({ length: clients }, (_, i) => ask(url, keys, round * 100 + i)),
  );
  const ms = performance.now() - startedAt;
  for (const { text } of replies) JSON.parse(text);
  const sum = (read: (reply: Reply) => number) => replies.reduce((total, reply) => total + read(reply), 0);
  return {
    ms,
    tokens: sum(({ meta_info }) => meta_info.completion_tokens),
    characters: sum(({ text }) => text.length),
  };
}

const WORDS = ['customer', 'delivery', 'address', 'confirmed', 'preferred', 'payment', 'method', 'shipping'];

async function ask(url: string, keys: number, seed: number): Promise<Reply> {
  const names = Array.from({ length: keys }, (_, i) =>
    [0, 1, 2].map((j) => WORDS[(i * (j + 1) + 3 * j) % WORDS.length]).join('_'),
  );
  const json_schema = {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, { enum: ['yes', 'no', 'unknown'] }])),
    required: [...new Set(names)],
  };
  const reply = await fetch(`${url}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      text: `Order ${seed}:`,
      sampling_params: { json_schema, temperature: 1, sampling_seed: seed, max_new_tokens: 900 },
    }),
  });
  if (!reply.ok) throw new Error(await reply.text());
  return (await reply.json()) as Reply;
}

function start(options: Options, more: readonly string[]): Promise<StartedServer> {
  return StartedServer.start([
    ...['--model-path', options.modelPath, '--load-format', options.loadFormat],
    ...(options.tokenizerPath === undefined ? [] : ['--tokenizer-path', options.tokenizerPath]),
    ...(options.indented ? [] : ['--constrained-json-disable-any-whitespace']),
    ...['--context-length', '1024', '--max-total-tokens', '16384'],
    ...more,
  ]);
}

void main();
