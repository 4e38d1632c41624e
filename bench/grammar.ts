import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { StartedServer } from './started-server';
import { wideTokenizer } from './wide-tokenizer';
import { median } from './in-turn';

/**
 * What it costs to hold output to a grammar: one server, the same number of tokens with and without in turn, and what a schema costs
 * when it comes first and when it comes again. Forced text is asked for token by token, so that each answer has as many.
 */
interface Options {
  readonly modelPath: string;
  readonly tokenizerPath?: string;
  readonly loadFormat: string;
  readonly rounds: string;
  readonly batch: string;
  readonly tokens: string;
}

const list = (items: object) => ({ type: 'array', items, minItems: 1000 });
const record = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    name: { type: 'string', pattern: '^[a-z ]{1,12}$' },
    tags: { type: 'array', items: { enum: ['new', 'old', 'sold'] }, maxItems: 3 },
    price: { type: 'number' },
    available: { type: 'boolean' },
  },
  required: ['id', 'name', 'tags', 'price', 'available'],
};
/** None of them comes to an end before the tokens do. */
const GRAMMARS: Readonly<Record<string, object>> = {
  'free strings': list({ type: 'string' }),
  records: list(record),
  'strings of a length': list({ type: 'string', minLength: 20, maxLength: 1000 }),
};

async function main(): Promise<void> {
  const options = new Command('bench:grammar')
    .option(
      '--model-path <folder>',
      'checkpoint, or a folder with a config.json',
      join(__dirname, '..', '..', 'bench', 'shapes', 'qwen2.5-0.5b'),
    )
    .option('--tokenizer-path <folder>', 'by default one with a made-up vocabulary of 151,643 tokens')
    .option('--load-format <format>', 'auto or dummy (random weights)', 'dummy')
    .option('--rounds <count>', 'rounds with and without', '7')
    .option('--batch <count>', 'requests at a time', '16')
    .option('--tokens <count>', 'tokens of each answer', '24')
    .parse()
    .opts<Options>();
  const made = options.tokenizerPath === undefined ? wideTokenizer(151_643) : null;
  const server = await StartedServer.start([
    ...['--model-path', options.modelPath, '--load-format', options.loadFormat],
    ...['--tokenizer-path', options.tokenizerPath ?? made ?? ''],
    ...['--context-length', '512', '--max-total-tokens', '16384', '--max-running-requests', options.batch],
    ...['--disable-jump-forward', '--enable-metrics'],
  ]);
  try {
    await measureCompiling(server);
    for (const [name, schema] of Object.entries(GRAMMARS))
      await measureMasking(server, name, schema, options);
  } finally {
    server.stop();
    if (made !== null) rmSync(made, { recursive: true });
  }
}

/** What a schema costs that is new, and one that is known. */
async function measureCompiling(server: StartedServer): Promise<void> {
  const firsts: Cost[] = [];
  const agains: Cost[] = [];
  await drive(server, 1, 1, { json_schema: GRAMMARS['records'] });
  const before = await counters(server);
  for (let i = 0; i < 5; i++) {
    const json_schema = {
      ...record,
      properties: { ...record.properties, [`extra_${i}`]: { type: 'boolean' } },
    };
    firsts.push(await drive(server, 1, 1, { json_schema }));
    for (let again = 0; again < 3; again++) agains.push(await drive(server, 1, 1, { json_schema }));
  }
  const plain = [await drive(server, 1, 1, {}), await drive(server, 1, 1, {}), await drive(server, 1, 1, {})];
  const after = await counters(server);
  console.log(
    `a reply of one token: ${medianMs(plain)} ms; with a new schema ${medianMs(firsts)} ms, ` +
      `with a known one ${medianMs(agains)} ms (medians)`,
  );
  console.log(
    `${after.grammars - before.grammars} requests with 5 schemas: ${after.compiled - before.compiled} compiled, ` +
      `${after.hits - before.hits} known`,
  );
}

async function measureMasking(
  server: StartedServer,
  name: string,
  json_schema: object,
  options: Options,
): Promise<void> {
  const [batch, tokens] = [Number(options.batch), Number(options.tokens)];
  const rounds: Record<'plain' | 'masked', Cost[]> = { plain: [], masked: [] };
  const run = (side: 'plain' | 'masked') =>
    drive(server, batch, tokens, side === 'masked' ? { json_schema } : {});
  await run('masked');
  await run('plain');
  const before = await counters(server);
  for (let round = 0; round < Number(options.rounds); round++) {
    // In turn who comes first, so that a machine that warms up or tires favours nobody.
    const order = round % 2 === 0 ? (['plain', 'masked'] as const) : (['masked', 'plain'] as const);
    for (const side of order) rounds[side].push(await run(side));
    const cells = (['plain', 'masked'] as const).map((side) => {
      const { ms, cpu } = rounds[side].at(-1) ?? { ms: NaN, cpu: NaN };
      return `${side} ${ms.toFixed(0)} ms (CPU ${cpu.toFixed(0)} ms)`;
    });
    console.log(`${name}, round ${round + 1}: ${cells.join(', ')}`);
  }
  const after = await counters(server);
  const mask = (1000 * (after.maskSeconds - before.maskSeconds)) / (after.masked - before.masked);
  const more = (read: (cost: Cost) => number) =>
    percent(median(rounds.masked.map((cost, i) => read(cost) / read(rounds.plain[i] ?? cost) - 1)));
  console.log(
    `${name}: time ${more(({ ms }) => ms)}, CPU ${more(({ cpu }) => cpu)} (medians of pairs); ` +
      `${mask.toFixed(3)} ms to find the tokens that may come next`,
  );
}

interface Cost {
  /** Milliseconds that a reply took. */
  readonly ms: number;
  /** CPU time of the server's processes, milliseconds. */
  readonly cpu: number;
}

/** `batch` answers of as many tokens at once. */
async function drive(server: StartedServer, batch: number, tokens: number, params: object): Promise<Cost> {
  const startedAt = performance.now();
  const cpu = server.cpuMs();
  const reply = await fetch(`${server.url}/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      input_ids: Array.from({ length: batch }, (_, row) =>
        Array.from({ length: 8 }, (_, i) => 300 + row * 8 + i),
      ),
      sampling_params: {
        temperature: 1,
        sampling_seed: 1,
        ignore_eos: true,
        max_new_tokens: tokens,
        ...params,
      },
    }),
  });
  if (!reply.ok) throw new Error(await reply.text());
  const replies = (await reply.json()) as { meta_info: { completion_tokens: number } }[];
  const short = replies.filter(({ meta_info }) => meta_info.completion_tokens !== tokens);
  if (short.length > 0) throw new Error('answers of different lengths cannot be compared');
  return { ms: performance.now() - startedAt, cpu: server.cpuMs() - cpu };
}

interface Counters {
  readonly grammars: number;
  readonly hits: number;
  readonly compiled: number;
  /** Sum of the mean times of requests, and how many. */
  readonly maskSeconds: number;
  readonly masked: number;
}

/** What the server has counted. It tells it once a second. */
async function counters(server: StartedServer): Promise<Counters> {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const page = await server.metrics();
  const value = (name: string) => Number(new RegExp(`^sglang:${name}{.*} (\\S+)$`, 'm').exec(page)?.[1] ?? 0);
  return {
    grammars: value('num_grammar_total'),
    hits: value('num_grammar_cache_hit_total'),
    compiled: value('grammar_compilation_time_seconds_count'),
    maskSeconds: value('grammar_tree_traversal_time_avg_sum'),
    masked: value('grammar_tree_traversal_time_avg_count'),
  };
}

function percent(change: number): string {
  return `${change < 0 ? '' : '+'}${(100 * change).toFixed(1)} %`;
}

function medianMs(costs: readonly Cost[]): string {
  return median(costs.map(({ ms }) => ms)).toFixed(0);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
