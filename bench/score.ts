import { join } from 'node:path';
import { Command } from 'commander';
import { Engine } from 'sglang-node';
import { median } from './in-turn';

/**
 * What it costs to score many short items behind one long query, beside computing as many tokens as are new in it: the query once
 * and the items, as prompts of the query's length that have nothing in common. In turn, with an empty cache each time.
 */
interface Options {
  readonly modelPath: string;
  readonly loadFormat: string;
  readonly items: string;
  readonly itemLen: string;
  readonly queryLen: string;
  readonly rounds: string;
}

const LABELS = [5, 6];
/** Ids that every vocabulary has, in an order that differs from the first one on. */
const ids = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => 3 + ((i * i * 7 + i * 13 + seed * 101) % 480));

async function main(): Promise<void> {
  const options = new Command('bench:score')
    .option(
      '--model-path <folder>',
      'checkpoint, or a folder with a config.json',
      join(__dirname, '..', '..', 'models', 'demo-chat'),
    )
    .option('--load-format <format>', 'auto or dummy (random weights)', 'auto')
    .option('--items <count>', 'items of a request', '200')
    .option('--item-len <tokens>', 'tokens of an item', '8')
    .option('--query-len <tokens>', 'tokens of the query', '500')
    .option('--rounds <count>', 'rounds that count; one more comes before', '5')
    .parse()
    .opts<Options>();
  const [count, itemLen, queryLen, rounds] = [
    options.items,
    options.itemLen,
    options.queryLen,
    options.rounds,
  ].map(Number) as [number, number, number, number];
  const engine = await Engine.create({
    modelPath: options.modelPath,
    loadFormat: options.loadFormat,
    contextLength: 1024,
    skipTokenizerInit: true,
  });
  const plain: number[] = [];
  const scored: number[] = [];
  const fresh = queryLen + count * itemLen;
  for (let round = 0; round <= rounds; round++) {
    const seed = 1 + round * 3000;
    const prompts = Array.from({ length: Math.ceil(fresh / queryLen) }, (_, i) =>
      ids(Math.min(queryLen, fresh - i * queryLen), seed + 2000 + i),
    );
    const items = Array.from({ length: count }, (_, i) => ids(itemLen, seed + 1 + i));
    const before = await timed(() =>
      engine.generate({ input_ids: prompts, sampling_params: { max_new_tokens: 0 } }),
    );
    const after = await timed(() =>
      engine.score({ query: ids(queryLen, seed), items, label_token_ids: LABELS }),
    );
    if (round === 0) continue;
    plain.push(before);
    scored.push(after);
  }
  await engine.shutdown();
  const ratios = scored.map((ms, i) => ms / (plain[i] ?? NaN));
  console.log(
    `${fresh} new tokens of ${count * (queryLen + itemLen)}: as prompts ${median(plain).toFixed(0)} ms, ` +
      `as scores ${median(scored).toFixed(0)} ms, ratio ${median(ratios).toFixed(2)}`,
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

void main();
