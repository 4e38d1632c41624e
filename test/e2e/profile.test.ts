import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generate, greedy, plain } from './client';
import { launch, type Server } from './harness';

let folder: string;
let server: Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'profile-'));
  server = await launch([], { SGLANG_TORCH_PROFILER_DIR: join(folder, 'env') });
});
afterAll(() => rmSync(folder, { recursive: true }));

const FILES = ['detokenizer.cpuprofile', 'main.cpuprofile', 'scheduler.cpuprofile', 'scheduler.trace.json'];

interface CpuProfile {
  readonly nodes: { readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly samples: number[];
}

const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8')) as unknown;
const operators = (path: string) =>
  (read(path, 'scheduler.trace.json') as { args: { op_name?: string }; name: string }[]).map(
    ({ args, name }) => args.op_name ?? name,
  );
const load = (tokens: number) =>
  Promise.all(
    Array.from({ length: 4 }, (_, i) =>
      generate(server, { text: `Request ${i}`, sampling_params: greedy(tokens) }),
    ),
  );

test('a profile under load names the functions of each process and the operators of the model', async () => {
  const target = join(folder, 'asked');
  const body = { output_dir: target, activities: ['CPU', 'GPU'], with_stack: true };
  expect(await plain(server.post('/start_profile', body))).toEqual({
    status: 200,
    text: 'Start profiling.\n',
  });
  await load(300);
  expect(await plain(server.post('/stop_profile', {}))).toEqual({
    status: 200,
    text: 'Stop profiling. This will take some time.\n',
  });
  const [name = ''] = readdirSync(target);
  const path = join(target, name);
  expect(readdirSync(path).sort()).toEqual(FILES);
  const seen = operators(path);
  expect(seen.filter((operator) => operator === 'model_run').length).toBeGreaterThanOrEqual(300);
  expect(seen).toEqual(expect.arrayContaining([expect.stringMatching(/Attention$/), 'Gemm']));
  for (const [process, module] of [
    ['main', 'tokenizer-manager'],
    ['scheduler', 'scheduler/generation'],
    ['detokenizer', 'detokenizer'],
  ] as const) {
    const profile = read(path, `${process}.cpuprofile`) as CpuProfile;
    expect(profile.samples.length).toBeGreaterThan(10);
    const urls = profile.nodes.map(({ callFrame }) => callFrame.url);
    expect(urls.filter((url) => url.includes(`/dist/${module}/`))).not.toEqual([]);
  }
  expect(server.stderr).toContain('with_stack without effect');
});

test('num_steps ends it by itself, into the folder of the environment', async () => {
  const target = join(folder, 'env');
  expect((await server.post('/start_profile', { num_steps: 5 })).status).toBe(200);
  await load(30);
  await server.logged(`Profiling done. Traces are saved to: ${target}`);
  const path = join(target, readdirSync(target)[0] ?? '');
  expect(readdirSync(path).sort()).toEqual(FILES);
  const runs = operators(path).filter((operator) => operator === 'model_run').length;
  expect(runs).toBeGreaterThanOrEqual(5);
  expect(runs).toBeLessThan(30);
  const late = await server.post('/stop_profile', {});
  expect(late.status).toBe(400);
  expect(await late.text()).toContain(path);
});

test('the server computes the same during and after a profile', async () => {
  const request = { text: 'Same', sampling_params: greedy(20) };
  const before = await generate(server, request);
  await server.post('/start_profile', { output_dir: join(folder, 'same') });
  const during = await generate(server, request);
  await server.post('/stop_profile', {});
  const after = await generate(server, request);
  expect([during.text, after.text]).toEqual([before.text, before.text]);
});

test('a profile in progress is written when the server is told to end', async () => {
  const target = join(folder, 'end');
  await server.post('/start_profile', { output_dir: target });
  await load(5);
  await sleep(50);
  expect(await server.stop()).toBe(0);
  await server.gone();
  expect(readdirSync(join(target, readdirSync(target)[0] ?? '')).sort()).toEqual(FILES);
});
