import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { LoopbackHub, sha256, type Files } from '../loopback-hub';
import { start, type Server } from './harness';

/** A model that is downloaded when the server starts: the one that ships, from a hub on loopback. */

const MODEL = resolve(__dirname, '../../models/demo-chat');
const FILES: Files = Object.fromEntries(
  readdirSync(MODEL).map((name) => [name, readFileSync(join(MODEL, name))] as const),
);
const WEIGHTS = readFileSync(join(MODEL, 'model.safetensors'));
const HALF = 3_000_000;

/** Those of the running test: they end before their cache is removed. */
const servers: Server[] = [];
let hub: LoopbackHub;
let home: string;
const part = () => join(home, 'hub/models--org--demo/blobs', `${sha256(WEIGHTS)}.incomplete`);
const env = (more: Record<string, string> = {}) => ({
  HF_ENDPOINT: hub.endpoint,
  HF_HOME: home,
  HF_HUB_OFFLINE: '',
  ...more,
});
const DEMO = ['--model-path', 'org/demo'];

async function begin(args: readonly string[], more: Record<string, string> = {}): Promise<Server> {
  const server = await start(args, env(more));
  servers.push(server);
  return server;
}

async function serve(args: readonly string[], more: Record<string, string> = {}): Promise<Server> {
  const server = await begin(args, more);
  await server.ready();
  return server;
}

beforeEach(async () => {
  hub = await LoopbackHub.start({ 'org/demo': FILES });
  home = mkdtempSync(join(tmpdir(), 'hub-'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.destroy()));
  hub.close();
  rmSync(home, { recursive: true, force: true });
});

async function answer(server: Server): Promise<string> {
  const body = { text: 'The capital of France is', sampling_params: { temperature: 0, max_new_tokens: 2 } };
  return ((await (await server.post('/generate', body)).json()) as { text: string }).text;
}

/** Sends the first part of the weights, and then nothing until the hub is told otherwise. */
function stall(): void {
  hub.answer = (req, res) => {
    if (req.method !== 'GET' || req.url?.includes('signature') !== true) return false;
    res.writeHead(200, { 'content-length': WEIGHTS.length }).write(WEIGHTS.subarray(0, HALF));
    return true;
  };
}

async function untilHalf(): Promise<void> {
  while (!existsSync(part()) || statSync(part()).size < HALF)
    await new Promise((done) => setTimeout(done, 50));
}

test('is served, and from the cache alone at the next start', async () => {
  const first = await serve(DEMO);
  expect(await answer(first)).toBe(' Paris.');
  expect(first.stderr).toContain('Downloading org/demo (main, commit ');
  expect(first.stderr).toMatch(/Downloaded org\/demo: 5 files, 7\.4 MB, in /);
  const models = (await (await first.fetch('/v1/models')).json()) as { data: { id: string }[] };
  expect(models.data[0]?.id).toBe('org/demo');
  await first.stop();

  hub.seen.length = 0;
  const second = await serve(DEMO, { HF_HUB_OFFLINE: '1' });
  expect(await answer(second)).toBe(' Paris.');
  expect(second.stderr).toContain('Found local HF snapshot for org/demo at ');
  expect(hub.seen).toEqual([]);
});

test('two servers that start at once share a download', async () => {
  const servers = await Promise.all([serve(DEMO), serve(DEMO)]);
  for (const server of servers) expect(await answer(server)).toBe(' Paris.');
  expect(hub.gets('signature')).toHaveLength(1);
});

test.each(['SIGINT', 'SIGKILL'] as const)(
  '%s in a download ends the server; the next one goes on',
  async (signal) => {
    stall();
    const first = await begin(DEMO);
    await untilHalf();
    expect((await first.fetch('/health')).status).toBe(503);
    const sent = performance.now();
    first.signal(signal);
    const code = await first.exit();
    expect(performance.now() - sent).toBeLessThan(3_000);
    if (signal === 'SIGINT') expect(code).toBe(0);
    expect(first.stderr).not.toMatch(/^\s+at /m);
    expect(statSync(part()).size).toBe(HALF);
    expect(existsSync(join(home, 'hub/models--org--demo/snapshots'))).toBe(false);

    hub.answer = () => false;
    const second = await serve(DEMO);
    expect(await answer(second)).toBe(' Paris.');
    expect(hub.gets('signature').at(-1)?.headers.range).toBe(`bytes=${HALF}-`);
  },
);

test.each<[string, Record<string, string>, RegExp]>([
  ['a repository that is not shown', {}, /org\/demo \(repository not found\)\. .*set HF_TOKEN/],
  [
    'a token that is refused',
    { HF_TOKEN: 'wrong' },
    /org\/demo \(repository not found\)\. .*the token of HF_TOKEN/,
  ],
])('%s ends the start with one line', async (_name, more, text) => {
  hub.isPrivate = true;
  const server = await begin(DEMO, more);
  expect(await server.exit()).toBe(1);
  const lines = server.stderr.split('\n').filter((line) => line !== '');
  expect(lines.at(-1)).toMatch(text);
  expect(server.stderr).not.toMatch(/^\s+at /m);
  await server.gone();
});

test('a tokenizer may come from the hub for a model that lies here', async () => {
  const server = await serve(['--model-path', MODEL, '--tokenizer-path', 'org/demo']);
  expect(await answer(server)).toBe(' Paris.');
  expect(hub.gets('signature')).toEqual([]);
});

describe('other weights for a running server', () => {
  const update = (server: Server, modelPath: string) =>
    server.post('/update_weights_from_disk', { model_path: modelPath });

  test('come from the hub', async () => {
    const server = await serve(['--model-path', MODEL]);
    const reply = await update(server, 'org/demo');
    expect(await reply.json()).toMatchObject({ success: true });
    expect(hub.gets('signature')).toHaveLength(1);
    expect(await answer(server)).toBe(' Paris.');

    const unknown = await update(server, 'org/nothing');
    expect(unknown.status).toBe(400);
    expect(await unknown.json()).toMatchObject({
      success: false,
      message: 'Failed to get weights iterator: org/nothing (repository not found).',
    });
    expect(await answer(server)).toBe(' Paris.');
  });

  test('that do not come keep neither requests nor a stop', async () => {
    stall();
    const server = await serve(['--model-path', MODEL]);
    const reply = update(server, 'org/demo');
    await untilHalf();
    expect(await answer(server)).toBe(' Paris.');
    const sent = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - sent).toBeLessThan(5_000);
    expect(await (await reply).json()).toMatchObject({
      success: false,
      message: 'Failed to get weights iterator: the server stops.',
    });
    await server.gone();
    expect(statSync(part()).size).toBe(HALF);
  });
});
