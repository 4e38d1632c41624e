import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { logger } from '../../../src/logging/logger';
import { captureLog } from '../capture-log';
import { TestServer } from './test-server';

let server: TestServer;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'logging-'));
  server = await TestServer.start();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
  rmSync(folder, { recursive: true });
});

const configure = async (change: object) => {
  const reply = await server.post('/configure_logging', change);
  return [reply.status, await reply.text()];
};
const generate = (rid: string, more: object = {}) =>
  server.ask('/generate', { text: 'a prompt', rid, sampling_params: { max_new_tokens: 2 }, ...more });
const linesIn = (path: string) =>
  readdirSync(path)
    .flatMap((name) => readFileSync(join(path, name), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as { event: string; rid: string; obj: object });

it('starts, changes and ends the request log of a running server', async () => {
  const target = join(folder, 'log');
  await generate('before');
  const on = { log_requests: true, log_requests_format: 'json', log_requests_target: [target] };
  expect(await configure({ ...on, log_requests_level: 0 })).toEqual([200, '']);
  await generate('names');
  expect(await configure({ log_requests_level: 3 })).toEqual([200, '']);
  await generate('all');
  expect(await configure({ log_requests: false })).toEqual([200, '']);
  await generate('after');
  const lines = linesIn(target);
  expect(lines.map(({ event, rid }) => [event, rid])).toEqual([
    ['request.received', 'names'],
    ['request.finished', 'names'],
    ['request.received', 'all'],
    ['request.finished', 'all'],
  ]);
  expect(lines[0]?.obj).not.toHaveProperty('text');
  expect(lines[2]?.obj).toMatchObject({ text: 'a prompt', sampling_params: { max_new_tokens: 2 } });
});

it('says in the log what was changed', async () => {
  const logged: string[] = [];
  jest.spyOn(logger, 'info').mockImplementation((message: unknown) => {
    logged.push(String(message));
    return logger;
  });
  await configure({ log_requests: false, log_requests_level: 1 });
  expect(logged).toEqual([
    'Config logging: obj=ConfigureLoggingReq(log_requests=False, log_requests_level=1)',
  ]);
});

const dumps = (path: string) =>
  readdirSync(path)
    .sort()
    .map((name) => {
      expect(statSync(join(path, name)).mode & 0o077).toBe(0);
      return JSON.parse(readFileSync(join(path, name), 'utf8')) as { requests: { obj: { rid: string } }[] };
    })
    .map(({ requests }) => requests.map(({ obj }) => obj.rid));

it('dumps requests that have ended, so many to a file, and the rest when it is told to stop', async () => {
  const target = join(folder, 'dumps');
  await configure({ dump_requests_folder: target, dump_requests_threshold: 2 });
  await generate('a');
  await generate('unlogged', { no_logs: true });
  await generate('b');
  await generate('c');
  expect(dumps(target)).toEqual([['a', 'b']]);
  await configure({ dump_requests_folder: '' });
  await generate('d');
  expect(dumps(target)).toEqual([['a', 'b'], ['c']]);
});

it('writes what waits for a full dump when the server ends', async () => {
  const target = join(folder, 'dumps');
  await configure({ dump_requests_folder: target });
  await generate('a');
  expect(dumps(target)).toEqual([]);
  server.manager.close();
  expect(dumps(target)).toEqual([['a']]);
});

it('keeps requests for the dump of a crash from then on', async () => {
  const target = join(folder, 'crash');
  await generate('before');
  await configure({ crash_dump_folder: target });
  await generate('a');
  await configure({ crash_dump_folder: target, log_requests_level: 1 });
  const path = server.manager.dumpRequests({ cause: 'it broke' }) ?? '';
  expect(path.startsWith(join(target, hostname()))).toBe(true);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
    cause: 'it broke',
    requests: [{ obj: { rid: 'a' } }],
  });
  await configure({ crash_dump_folder: '' });
  expect(server.manager.dumpRequests({})).toBeNull();
});

it.each(['log_requests_target', 'dump_requests_folder', 'crash_dump_folder'])(
  'refuses a %s that cannot be written, and changes nothing',
  async (field) => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const bad = join(file, 'folder');
    captureLog();
    const target = join(folder, 'log');
    const change = { log_requests: true, log_requests_target: [target] };
    const { status, body } = await server.ask('/configure_logging', {
      ...change,
      [field]: field === 'log_requests_target' ? [bad] : bad,
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { message: expect.stringContaining(`${field}: `) } });
    await generate('a');
    expect(readdirSync(folder).filter((name) => name === 'log' && linesIn(target).length > 0)).toEqual([]);
  },
);

it.each([
  { log_requests: 'yes' },
  { log_requests_level: 4 },
  { log_requests_format: 'xml' },
  { log_requests_target: [] },
  { dump_requests_threshold: 0 },
  { log_request: true },
])('refuses %j', async (change) => {
  const { status, body } = await server.ask('/configure_logging', change);
  expect(status).toBe(400);
  expect(body).toMatchObject({
    object: 'error',
    message: expect.stringContaining(Object.keys(change)[0] ?? ''),
  });
});
