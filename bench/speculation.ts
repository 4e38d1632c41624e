import { join } from 'node:path';
import { Command } from 'commander';
import { inTurn, median } from './in-turn';
import { StartedServer } from './started-server';

/**
 * What `--speculative-algorithm NGRAM` saves where text repeats, and costs where it does not: two servers, one with it, asked in turn for
 * the same. Greedy outputs have to be the same.
 */
interface Options {
  readonly modelPath: string;
  readonly tokenizerPath?: string;
  readonly loadFormat: string;
  readonly rounds: string;
  readonly concurrency: string;
  readonly tokens: string;
  readonly flags: string;
}

interface Reply {
  readonly output_ids: readonly number[];
  readonly meta_info: { readonly spec_accept_length?: number };
}

/** What one round took, of what came of it. */
interface Round {
  readonly ms: number;
  readonly replies: readonly Reply[];
}

const CODE = [
  'def total(items):\n    result = 0\n    for item in items:\n        result += item.price * item.count\n    return result\n',
  'def mean(items):\n    result = 0\n    for item in items:\n        result += item.price\n    return result / len(items)\n',
].join('\n');

/** Text, temperature. Bare continuations, because there is no telling the chat template of a model. */
const TASKS: Readonly<Record<string, readonly [text: string, temperature: number]>> = {
  'code, quoted': [
    `The file before the change:\n\n${CODE}\nThe file after the change:\n\n${CODE.slice(0, 60)}`,
    0,
  ],
  json: [
    '[{"name": "Tom", "age": 31, "city": "Paris"},\n{"name": "Ann", "age": 28, "city": "Rome"},\n{"name":',
    0,
  ],
  'a story': ['Once upon a time, in a lighthouse by the sea, there lived', 1],
};

const MODES = ['plain', 'ngram'] as const;
type Mode = (typeof MODES)[number];

async function main(): Promise<void> {
  const options = new Command('bench:speculation')
    .option('--model-path <folder>', 'checkpoint', join(__dirname, '..', '..', 'models', 'demo-chat'))
    .option('--tokenizer-path <folder>', 'where the model has no tokenizer')
    .option('--load-format <format>', 'auto or dummy (random weights)', 'auto')
    .option('--rounds <count>', 'rounds of each server', '7')
    .option('--concurrency <list>', 'requests at a time', '1,4')
    .option('--tokens <count>', 'tokens of each answer', '192')
    .option('--flags <words>', 'further flags of both servers', '')
    .parse()
    .opts<Options>();
  const servers = {
    plain: await start(options, []),
    ngram: await start(options, ['--speculative-algorithm', 'NGRAM']),
  };
  for (const clients of options.concurrency.split(',').map(Number)) {
    for (const task of Object.keys(TASKS)) {
      const rounds = await inTurn(MODES, Number(options.rounds), (mode, round) =>
        drive(servers[mode].url, clients, task, round, Number(options.tokens)),
      );
      report(`${clients} at a time, ${task}`, TASKS[task]?.[1] === 0, rounds);
    }
  }
  for (const server of Object.values(servers)) server.stop();
}

function report(name: string, isGreedy: boolean, { plain, ngram }: Record<Mode, readonly Round[]>): void {
  const rate = ({ ms, replies }: Round) =>
    (replies.reduce((sum, { output_ids }) => sum + output_ids.length, 0) * 1000) / ms;
  const ratios = plain.map((round, i) => rate(ngram[i] as Round) / rate(round));
  const lengths = ngram.flatMap(({ replies }) =>
    replies.map(({ meta_info }) => meta_info.spec_accept_length ?? NaN),
  );
  const ids = (rounds: readonly Round[]) =>
    JSON.stringify(rounds.map(({ replies }) => replies.map((reply) => reply.output_ids)));
  console.log(
    `${name}: ${median(plain.map(rate)).toFixed(1)} tokens a second plain, ${median(ngram.map(rate)).toFixed(1)} with drafts, ` +
      `${median(ratios).toFixed(2)} times as fast (median of pairs), accept length ${median(lengths).toFixed(2)}` +
      (isGreedy && ids(plain) !== ids(ngram) ? ', OTHER TOKENS' : ''),
  );
}

async function drive(
  url: string,
  clients: number,
  task: string,
  round: number,
  tokens: number,
): Promise<Round> {
  const startedAt = performance.now();
  const replies = await Promise.all(
    Array.from({ length: clients }, (_, i) => ask(url, task, round * 100 + i, tokens)),
  );
  return { ms: performance.now() - startedAt, replies };
}

async function ask(url: string, task: string, seed: number, tokens: number): Promise<Reply> {
  const [text, temperature] = TASKS[task] ?? ['', 0];
  const reply = await fetch(`${url}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      text: `# ${seed}\n${text}`,
      sampling_params: { temperature, max_new_tokens: tokens, ignore_eos: true },
    }),
  });
  if (!reply.ok) throw new Error(await reply.text());
  return (await reply.json()) as Reply;
}

function start(options: Options, more: readonly string[]): Promise<StartedServer> {
  return StartedServer.start([
    ...['--model-path', options.modelPath, '--load-format', options.loadFormat],
    ...(options.tokenizerPath === undefined ? [] : ['--tokenizer-path', options.tokenizerPath]),
    ...['--max-total-tokens', '16384'],
    ...options.flags.split(' ').filter((word) => word !== ''),
    ...more,
  ]);
}

void main();
