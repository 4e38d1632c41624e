import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate, generateAll, greedy, plain, promptIds } from './client';
import { launch, type Server } from './harness';

/** Records of a served mixture of experts: two layers, in each of them every token goes through two of four experts. */
const MODEL = join(__dirname, '../model/checkpoints/mixtral');
const PER_TOKEN = 4;
const FLAGS = ['--model-path', MODEL, '--skip-tokenizer-init'];

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'experts-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const launched = (...flags: string[]) =>
  launch([...FLAGS, ...flags], { SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR: join(folder, 'records') });
const order = (server: Server, what: string) => plain(server.post(`/${what}_expert_distribution_record`, {}));
/** Of ids that this model knows. */
const prompt = (count: number, seed: number) => promptIds(count, seed).map((id) => 3 + (id % 250));
const ask = (server: Server, count: number, seed: number, more: object = {}) =>
  generate(server, { input_ids: prompt(count, seed), sampling_params: greedy(5), ...more });

/** What one CSV counts. */
const total = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .reduce((sum, line) => sum + Number(line.split(',')[2]), 0);

/** The files of a dump, as the reply tells them. */
async function dump(server: Server): Promise<string[]> {
  const { status, text } = await order(server, 'dump');
  expect(status).toBe(200);
  const [first, ...files] = text.trimEnd().split('\n');
  expect(first).toBe('Dump expert distribution record.');
  for (const file of files) expect(server.stderr).toContain(`Write expert distribution to ${file}\n`);
  return files;
}

test('what is recorded between start and stop is in the files', async () => {
  const server = await launched('--expert-distribution-recorder-mode', 'stat');
  await ask(server, 20, 1);
  expect(await order(server, 'start')).toEqual({
    status: 200,
    text: 'Start recording the expert distribution.\n',
  });
  await Promise.all([ask(server, 30, 2), ask(server, 9, 3), ask(server, 31, 4)]);
  // Of what is cached the last token alone is computed again.
  await ask(server, 30, 2);
  expect(await order(server, 'stop')).toEqual({
    status: 200,
    text: 'Stop recording the expert distribution.\n',
  });
  await ask(server, 20, 5);
  const files = await dump(server);
  expect(readdirSync(join(folder, 'records'))).toHaveLength(2);
  const [csv = '', json = ''] = files;
  expect(csv).toMatch(/\/records\/expert_distribution_recorder_\d+\.\d+\.csv$/);
  const lines = readFileSync(csv, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(1 + 2 * 4);
  expect(lines.slice(0, 2)).toEqual(['layer,expert,count', expect.stringMatching(/^0,0,\d+$/)]);
  const computed = 30 + 9 + 31 + 1 + 4 * 4;
  expect(total(csv)).toBe(computed * PER_TOKEN);
  const stat = JSON.parse(readFileSync(json, 'utf8')) as { rank: number; logical_count: number[][][] };
  expect(stat).toMatchObject({ rank: 0, average_utilization_rate_over_window: null });
  expect(stat.logical_count.flat(2).reduce((a, b) => a + b)).toBe(computed * PER_TOKEN);
  // The file took the record with it.
  expect(total((await dump(server))[0] ?? '')).toBe(0);
  expect(await server.stop()).toBe(0);
});

test('each scheduler has files of its own, of one time', async () => {
  const server = await launched('--expert-distribution-recorder-mode', 'stat', '--dp-size', '2');
  await order(server, 'start');
  await generateAll(server, {
    input_ids: Array.from({ length: 6 }, (_, i) => prompt(10 + i, i)),
    sampling_params: greedy(5),
    routed_dp_rank: 0,
  });
  await ask(server, 12, 9, { routed_dp_rank: 1 });
  const files = await dump(server);
  const stamps = files.map((file) => /_(\d+\.\d+)_\d\.(csv|json)$/.exec(file)?.[1]);
  expect(new Set(stamps).size).toBe(1);
  expect(files.map((file) => file.slice(-6))).toEqual(['_0.csv', '0.json', '_1.csv', '1.json']);
  expect(total(files[0] ?? '')).toBe((10 + 11 + 12 + 13 + 14 + 15 + 6 * 4) * PER_TOKEN);
  expect(total(files[2] ?? '')).toBe((12 + 4) * PER_TOKEN);
  expect(JSON.parse(readFileSync(files[3] ?? '', 'utf8'))).toMatchObject({ rank: 1 });
});

test('metrics record from the start, but not the warm-up', async () => {
  const server = await launched(
    '--enable-expert-distribution-metrics',
    '--enable-metrics',
    '--decode-log-interval',
    '3',
  );
  const metrics = async () => (await server.fetch('/metrics')).text();
  expect(await metrics()).not.toMatch(/^sglang:eplb_balancedness_count\{/m);
  await ask(server, 20, 1);
  await server.logged('[Expert Balancedness] forward_pass_id=');
  const counted = (mode: string) =>
    new RegExp(`^sglang:eplb_balancedness_count\\{[^}]*forward_mode="${mode}"[^}]*\\} (\\d+)`, 'm');
  const until = Date.now() + 10_000;
  while (!counted('decode').test(await metrics()) && Date.now() < until);
  const text = await metrics();
  expect([counted('extend').exec(text)?.[1], counted('decode').exec(text)?.[1]]).toEqual(['1', '4']);
  const [csv = '', json = ''] = await dump(server);
  expect(total(csv)).toBe((20 + 4) * PER_TOKEN);
  const { average_utilization_rate_over_window: mean } = JSON.parse(readFileSync(json, 'utf8')) as {
    average_utilization_rate_over_window: number;
  };
  expect(mean).toBeGreaterThan(0.25);
  expect(mean).toBeLessThan(1);
});

test('a model of vectors is recorded as well', async () => {
  const server = await launched('--expert-distribution-recorder-mode', 'per_token', '--is-embedding');
  await order(server, 'start');
  const reply = await server.post('/encode', { input_ids: [prompt(12, 1), prompt(7, 2)] });
  expect(reply.status).toBe(200);
  const [csv = '', json = ''] = await dump(server);
  expect(total(csv)).toBe((12 + 7) * PER_TOKEN);
  const { records } = JSON.parse(readFileSync(json, 'utf8')) as { records: { input_ids: number[] }[] };
  expect(records.flatMap(({ input_ids }) => input_ids)).toEqual([...prompt(12, 1), ...prompt(7, 2)]);
});

test('records go on over other weights, and over memory that was given back', async () => {
  const server = await launched('--expert-distribution-recorder-mode', 'stat');
  await order(server, 'start');
  await ask(server, 10, 1);
  expect((await server.post('/update_weights_from_disk', { model_path: MODEL })).status).toBe(200);
  await ask(server, 10, 1);
  expect((await server.post('/release_memory_occupation', {})).status).toBe(200);
  expect((await server.post('/resume_memory_occupation', {})).status).toBe(200);
  await ask(server, 10, 1);
  expect(total((await dump(server))[0] ?? '')).toBe(3 * (10 + 4) * PER_TOKEN);
});

test('without the flag, and without experts, it is refused, and the server serves on', async () => {
  const plainServer = await launched();
  const dense = await launch(['--expert-distribution-recorder-mode', 'stat']);
  expect(dense.stderr).toContain('has no experts: --expert-distribution-recorder-mode has no effect');
  for (const what of ['start', 'stop', 'dump']) {
    const refused = await order(plainServer, what);
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('started without --expert-distribution-recorder-mode');
    const without = await order(dense, what);
    expect(without.status).toBe(400);
    expect(without.text).toContain('no experts');
  }
  await ask(plainServer, 10, 1);
  await generate(dense, { input_ids: promptIds(5), sampling_params: greedy(2) });
});

test('a folder that cannot be written costs nothing but the reply', async () => {
  const records = join(folder, 'records');
  const server = await launched('--expert-distribution-recorder-mode', 'stat');
  await order(server, 'start');
  await ask(server, 10, 1);
  // A file where the folder should be.
  writeFileSync(records, '');
  const failed = await order(server, 'dump');
  expect(failed.status).toBe(500);
  expect(failed.text).toContain(records);
  rmSync(records);
  mkdirSync(records);
  expect(total((await dump(server))[0] ?? '')).toBe((10 + 4) * PER_TOKEN);
});
