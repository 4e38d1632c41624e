import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKPOINTS, Engine, readGolden } from './support';

/** The experts that are recorded are those that the routers of a reference implementation choose, each token once. */

/** Of each case, by layer: the experts of each token but the last one, ascending. */
type Routing = Readonly<Record<string, readonly (readonly number[])[]>>;

const REFERENCE = (
  JSON.parse(readFileSync(join(__dirname, 'golden', 'routing.json'), 'utf8')) as {
    models: Record<string, Routing[]>;
  }
).models;

interface Stat {
  readonly rank: number;
  readonly logical_count: number[][][];
  readonly average_utilization_rate_over_window: number | null;
}

interface Detail {
  readonly records: {
    readonly forward_pass_id: number;
    readonly rank: number;
    readonly gatherer_key: string;
    readonly global_physical_count: number[][];
    readonly input_ids?: number[];
    readonly positions?: number[];
    readonly extend_seq_lens?: number[] | null;
    readonly forward_mode?: number;
    readonly topk_ids_of_layer?: number[][][];
  }[];
  readonly last_physical_to_logical_map: number[][];
}

const NAME = 'SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR';
let folder: string;
let engine: Engine;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'routing-'));
  process.env[NAME] = folder;
});
afterEach(async () => {
  Reflect.deleteProperty(process.env, NAME);
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(name: string, mode: string, flags: readonly string[] = []): Promise<void> {
  const recording = ['--expert-distribution-recorder-mode', mode, '--max-total-tokens', '4096'];
  engine = await Engine.start(join(CHECKPOINTS, name), [...recording, ...flags]);
}

async function order(what: 'start' | 'stop' | 'dump', stamp = '1'): Promise<readonly string[]> {
  const result = await engine.call({ type: 'expert_distribution', order: what, stamp });
  if (result.of !== 'expert_distribution') throw new Error(JSON.stringify(result));
  return result.files;
}

async function dump<T>(stamp = '1'): Promise<{ counts: Map<string, number>; json: T }> {
  const [csv = '', json = ''] = await order('dump', stamp);
  const [header, ...lines] = readFileSync(csv, 'utf8').trimEnd().split('\n');
  expect(header).toBe('layer,expert,count');
  const counts = new Map(
    lines.map((line) => {
      const [layer, expert, count] = line.split(',');
      return [`${layer},${expert}`, Number(count)];
    }),
  );
  return { counts, json: JSON.parse(readFileSync(json, 'utf8')) as T };
}

const golden = (name: string) => readGolden(join(CHECKPOINTS, name, 'golden.json'));

const generate = (prompt: number[], maxNewTokens: number, rid?: string) =>
  engine.generate({ prompt, sampling: { maxNewTokens }, ...(rid !== undefined && { rid }) });

/** How often the reference chooses each expert, of `tokens` of each case: from an index to another. */
function expected(name: string, tokens: readonly (readonly [from: number, to: number])[]) {
  const counts = new Map<string, number>();
  tokens.forEach(([from, to], index) => {
    for (const [layer, rows] of Object.entries(REFERENCE[name]?.[index] ?? {})) {
      for (const expert of rows.slice(from, to).flat()) {
        const key = `${layer},${expert}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
  });
  return counts;
}

/** Experts that nobody went through have a line too. */
const chosen = (counts: Map<string, number>) => new Map([...counts].filter(([, count]) => count > 0).sort());
const sorted = (counts: Map<string, number>) => new Map([...counts].sort());
const sum = (steps: number[][][]) =>
  steps.reduce((all, step) =>
    step.map((row, layer) => row.map((n, expert) => n + (all[layer]?.[expert] ?? 0))),
  );
const whole = (name: string) => golden(name).map(() => [0, Infinity] as const);

describe.each(Object.keys(REFERENCE))('%s', (name) => {
  it.each([
    ['whole', '-1'],
    ['in chunks of 16', '16'],
  ])('counts what the routers choose, prompts %s, alone and in a batch', async (_, chunk) => {
    await start(name, 'stat', ['--chunked-prefill-size', chunk, '--disable-radix-cache']);
    await order('start');
    const reference = sorted(expected(name, whole(name)));
    for (const { input_ids, greedy_ids } of golden(name)) await generate(input_ids, greedy_ids.length);
    const alone = await dump<Stat>();
    expect(chosen(alone.counts)).toEqual(reference);
    await Promise.all(
      golden(name).map(({ input_ids, greedy_ids }) => generate(input_ids, greedy_ids.length)),
    );
    const together = await dump<Stat>('2');
    expect(chosen(together.counts)).toEqual(reference);
    expect(sum(together.json.logical_count)).toEqual(sum(alone.json.logical_count));
    expect(together.json.logical_count.length).toBeLessThan(alone.json.logical_count.length);
  });
});

it('tells the experts of each token, by layer', async () => {
  const name = 'qwen2-moe';
  await start(name, 'per_token', ['--chunked-prefill-size', '32', '--disable-radix-cache']);
  await order('start');
  const cases = golden(name);
  const { input_ids: ids, greedy_ids: greedy } = cases[2] ?? { input_ids: [], greedy_ids: [] };
  await generate(ids, greedy.length);
  const files = await order('dump');
  expect(files).toEqual(
    ['csv', 'json'].map((end) => join(folder, `expert_distribution_recorder_1_0.${end}`)),
  );
  const { records, last_physical_to_logical_map } = JSON.parse(
    readFileSync(files[1] ?? '', 'utf8'),
  ) as Detail;
  const tokens = [...ids, ...greedy.slice(0, -1)];
  expect(records.flatMap(({ input_ids }) => input_ids)).toEqual(tokens);
  expect(records.flatMap(({ positions }) => positions)).toEqual(tokens.map((_, at) => at));
  const prefills = Math.ceil(ids.length / 32);
  records.forEach(
    ({ input_ids, extend_seq_lens, forward_mode, topk_ids_of_layer, rank, gatherer_key }, i) => {
      expect([rank, gatherer_key]).toEqual([0, 'primary']);
      expect(forward_mode).toBe(i < prefills ? 1 : 2);
      expect(extend_seq_lens).toEqual(i < prefills ? [input_ids?.length] : null);
      expect(topk_ids_of_layer?.map((layer) => layer.map((row) => row.length))).toEqual(
        Array(4).fill(Array(input_ids?.length).fill(8)),
      );
    },
  );
  const ofLayer = (layer: number) => records.flatMap((record) => record.topk_ids_of_layer?.[layer] ?? []);
  const filled = (rows: number[][]) => rows.map((row) => row.filter((id) => id >= 0).sort((a, b) => a - b));
  // Of its four layers the last one alone has experts.
  expect(filled(ofLayer(3))).toEqual(REFERENCE[name]?.[2]?.['3']);
  for (const layer of [0, 1, 2]) expect(new Set(ofLayer(layer).flat())).toEqual(new Set([-1]));
  const first = records[0]?.forward_pass_id ?? NaN;
  expect(records.map((record) => record.forward_pass_id - first)).toEqual(records.map((_, i) => i));
  expect(last_physical_to_logical_map).toEqual(Array(4).fill([0, 1, 2, 3, 4, 5]));
});

it('has a record of each pass without its tokens', async () => {
  await start('mixtral', 'per_pass');
  await order('start');
  await generate([5, 6, 7], 3);
  const { json } = await dump<Detail>();
  expect(json.records.map((record) => Object.keys(record))).toEqual(
    Array(3).fill(['forward_pass_id', 'rank', 'gatherer_key', 'global_physical_count']),
  );
  // Two of four experts a token, in both layers.
  const loads = json.records.map(({ global_physical_count }) =>
    global_physical_count.map((row) => row.reduce((a, b) => a + b)),
  );
  expect(loads).toEqual([
    [6, 6],
    [2, 2],
    [2, 2],
  ]);
});

it('counts neither padding nor what the cache gave', async () => {
  const name = 'qwen3-moe';
  await start(name, 'stat');
  await order('start');
  const prompts = golden(name).map(({ input_ids }) => input_ids);
  // In one batch, padded to the longest: the cases are of 7, 70 and 150 tokens.
  const [, middle = [], long = []] = prompts;
  await Promise.all([generate(long.slice(0, 60), 1), generate(middle.slice(0, 50), 1)]);
  const first = await dump<Stat>();
  expect(first.json.logical_count).toHaveLength(1);
  expect(chosen(first.counts)).toEqual(
    sorted(
      expected(name, [
        [0, 0],
        [0, 50],
        [0, 60],
      ]),
    ),
  );
  const again = await generate(long.slice(0, 64), 1);
  expect(again.cachedTokens).toBe(60);
  const second = await dump<Stat>('2');
  expect(chosen(second.counts)).toEqual(
    sorted(
      expected(name, [
        [0, 0],
        [0, 0],
        [60, 64],
      ]),
    ),
  );
});

it('records between start and stop only, and begins anew with each start and each dump', async () => {
  await start('mixtral', 'stat', ['--cuda-graph-bs', '1', '2']);
  const total = async (stamp: string) =>
    [...(await dump<Stat>(stamp)).counts.values()].reduce((a, b) => a + b);
  await generate([3, 4, 5], 2);
  expect(await total('1')).toBe(0);
  await order('start');
  expect(await total('2')).toBe(0);
  await generate([6, 7, 8], 2);
  await order('start');
  await generate([9, 10], 2);
  await order('stop');
  await generate([11, 12, 13], 2);
  // Two tokens and one of the output, each through two experts in two layers.
  expect(await total('3')).toBe(3 * 2 * 2);
  expect(await total('4')).toBe(0);
});

it('keeps the last passes only, but counts all', async () => {
  await start('mixtral', 'stat', ['--expert-distribution-recorder-buffer-size', '3']);
  await order('start');
  await generate([3, 4, 5], 6);
  const { json, counts } = await dump<Stat>();
  expect(json.logical_count.map((step) => step.flat().reduce((a, b) => a + b))).toEqual([4, 4, 4]);
  expect([...counts.values()].reduce((a, b) => a + b)).toBe((3 + 5) * 4);
});

it('loses nothing where the files cannot be written', async () => {
  await start('mixtral', 'stat');
  await order('start');
  await generate([3, 4, 5], 2);
  const taken = join(folder, 'expert_distribution_recorder_1.json.partial');
  writeFileSync(taken, 'of somebody else');
  const failed = await engine.call({ type: 'expert_distribution', order: 'dump', stamp: '1' });
  expect(failed).toMatchObject({ of: 'error', message: expect.stringContaining(taken) });
  await generate([6, 7], 1);
  const { json, counts } = await dump<Stat>('2');
  expect(json.logical_count).toHaveLength(3);
  expect([...counts.values()].reduce((a, b) => a + b)).toBe((4 + 2) * 4);
  expect(readdirSync(folder).sort()).toEqual(
    ['1.json.partial', '2.csv', '2.json'].map((end) => `expert_distribution_recorder_${end}`),
  );
  expect(readFileSync(taken, 'utf8')).toBe('of somebody else');
});
