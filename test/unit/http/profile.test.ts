import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestServer } from './test-server';

let server: TestServer;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'profile-'));
  server = await TestServer.start();
});
afterEach(async () => {
  await server.profiler.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

const plain = async (reply: Promise<Response>) => [(await reply).status, await (await reply).text()];
const start = (body: object = {}) => server.post('/start_profile', { output_dir: folder, ...body });

it('answers as SGLang does, and leaves a folder with what was recorded', async () => {
  expect(await plain(start({ profile_prefix: 'mine' }))).toEqual([200, 'Start profiling.\n']);
  expect(await plain(server.get('/stop_profile'))).toEqual([
    200,
    'Stop profiling. This will take some time.\n',
  ]);
  const [name = ''] = readdirSync(folder);
  expect(name).toMatch(/^mine-\d{4}-\d\d-\d\d_/);
  expect(readdirSync(join(folder, name))).toEqual(['main.cpuprofile']);
  const profile = JSON.parse(readFileSync(join(folder, name, 'main.cpuprofile'), 'utf8')) as object;
  expect(profile).toMatchObject({ nodes: expect.any(Array), samples: expect.any(Array) });
});

it('takes one profile at a time, and as many as one likes after one another', async () => {
  for (let round = 0; round < 2; round++) {
    expect((await start()).status).toBe(200);
    const again = await start();
    expect(again.status).toBe(400);
    expect(await again.json()).toEqual({
      error: { message: 'Profiling is already in progress. Call /stop_profile first.' },
    });
    expect((await server.post('/stop_profile', {})).status).toBe(200);
  }
  expect(readdirSync(folder)).toHaveLength(2);
});

it('refuses to stop what was not started', async () => {
  const reply = await server.post('/stop_profile', {});
  expect(reply.status).toBe(400);
  expect(await reply.json()).toEqual({
    error: { message: 'Profiling is not in progress. Call /start_profile first.' },
  });
});

it('refuses a folder that cannot be written, and goes on as if nothing had been asked', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const reply = await start({ output_dir: file });
  expect(reply.status).toBe(400);
  expect(await reply.json()).toMatchObject({ error: { message: expect.stringContaining('output_dir: ') } });
  expect((await server.post('/stop_profile', {})).status).toBe(400);
});

it('takes the folder from the environment', async () => {
  process.env['SGLANG_TORCH_PROFILER_DIR'] = folder;
  try {
    expect((await server.get('/start_profile')).status).toBe(200);
    expect((await server.get('/stop_profile')).status).toBe(200);
  } finally {
    delete process.env['SGLANG_TORCH_PROFILER_DIR'];
  }
  expect(readdirSync(folder)).toHaveLength(1);
});

it.each([
  { num_steps: 0 },
  { num_steps: 1.5 },
  { output_dir: '' },
  { profile_prefix: '../up' },
  { activities: ['TPU'] },
  { steps: 3 },
])('refuses %j', async (body) => {
  const reply = await start(body);
  expect(reply.status).toBe(400);
  expect(await reply.json()).toMatchObject({
    object: 'error',
    message: expect.stringContaining(Object.keys(body)[0] ?? ''),
  });
});
