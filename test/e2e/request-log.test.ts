import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { greedy } from './client';
import { launch, type Server } from './harness';

let folder: string;
let server: Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'request-log-'));
  const target = ['--log-requests-target', 'stdout', join(folder, 'log')];
  server = await launch(
    [
      '--log-requests',
      '--log-requests-format',
      'json',
      ...target,
      '--crash-dump-folder',
      join(folder, 'crash'),
      '--enable-request-time-stats-logging',
    ],
    {
      SGLANG_LOG_REQUEST_HEADERS: 'X-Team, X-Absent',
      SGLANG_LOG_SCHEDULER_STATUS_TARGET: join(folder, 'status'),
      SGLANG_LOG_SCHEDULER_STATUS_INTERVAL: '0',
    },
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Line {
  readonly event: string;
  readonly rid: string;
}

const parse = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
const linesIn = (path: string) =>
  parse(
    readdirSync(path)
      .map((name) => readFileSync(join(path, name), 'utf8'))
      .join(''),
  );
const inFiles = () => linesIn(join(folder, 'log'));
const inStdout = () =>
  parse(
    server.stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .join('\n'),
  );

test('every line of a file is JSON, and stdout has the same lines among those of the access log', async () => {
  const headers = { 'x-smg-routing-key': 'key-1', 'x-team': 'red', 'x-request-id': 'trace-9' };
  const reply = await server.post(
    '/generate',
    { text: 'Hi', rid: 'mine', sampling_params: greedy(3) },
    { headers },
  );
  expect(reply.headers.get('x-request-id')).toBe('trace-9');
  const mine = (lines: readonly Line[]) => lines.filter(({ rid }) => rid === 'mine');
  const expected = ['request.received', 'request.finished'].map((event) => ({
    event,
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    obj: { rid: 'mine', text: 'Hi' },
    headers: { 'x-smg-routing-key': 'key-1', 'x-team': 'red' },
    request_id: 'trace-9',
  }));
  expect(mine(inFiles())).toMatchObject(expected);
  // It comes by a pipe, and can be behind the reply.
  const isOver = (line: string) => line.includes('request.finished') && line.includes('"mine"');
  while (!server.stdout.split('\n').slice(0, -1).some(isOver)) await sleep(10);
  expect(mine(inStdout())).toMatchObject(expected);
  expect(server.stderr).not.toMatch(/request\.(received|finished)/);
});

test('an aborted request has a line that says so', async () => {
  const body = {
    text: 'Hi',
    rid: 'long',
    sampling_params: { ...greedy(2000), ignore_eos: true },
    stream: true,
  };
  const reply = await server.post('/generate', body);
  await server.post('/abort_request', { rid: 'long' });
  await reply.text();
  const events = inFiles().filter(({ rid }) => rid === 'long');
  expect(events.map(({ event }) => event)).toEqual([
    'request.received',
    'request.aborted',
    'request.finished',
  ]);
});

test('the scheduler says which requests run and wait', () => {
  const lines = linesIn(join(folder, 'status'));
  expect(lines).toContainEqual({
    timestamp: expect.any(String),
    event: 'scheduler.status',
    rank: 0,
    running_rids: ['long'],
    queued_rids: [],
  });
});

test('every request has a line about its time when it has left, whether a stop string or its length ended it', async () => {
  const { text } = (await (
    await server.post('/generate', { text: 'Hi', sampling_params: greedy(12) })
  ).json()) as { text: string };
  const stop = text.slice(-3);
  await server.post('/generate', { text: 'Hi', rid: 'long-1', sampling_params: greedy(12) });
  await server.post('/generate', {
    text: 'Hi',
    rid: 'stop-1',
    sampling_params: greedy(400, { stop: [stop] }),
  });
  await server.logged('Req Time Stats(rid=long-1, ');
  await server.logged('Req Time Stats(rid=stop-1, ');
  const [, inputLen, outputLen, queue, forward, prefill, decode] = (
    /rid=long-1, input len=(\d+), output len=(\d+), type=unified\): queue_duration=([\d.]+)ms, forward_duration=([\d.]+)ms, start_time=[\d.]+, prefill_duration=([\d.]+)ms, decode_duration=([\d.]+)ms/.exec(
      server.stderr,
    ) ?? []
  ).map(Number);
  expect(inputLen).toBeGreaterThan(0);
  expect(outputLen).toBe(12);
  expect(queue).toBeLessThan(1000);
  expect(Math.abs((prefill ?? 0) + (decode ?? 0) - (forward ?? 0))).toBeLessThan(0.05);
  expect(decode).toBeGreaterThan(0);
  expect(server.stderr.match(/Req Time Stats\(rid=long-1,/g)).toHaveLength(1);
});

test('what is logged changes on the running server', async () => {
  const other = join(folder, 'other');
  const change = { log_requests_level: 1, log_requests_target: [other] };
  expect((await server.post('/configure_logging', change)).status).toBe(200);
  await server.post('/generate', { text: 'Hi', rid: 'changed', sampling_params: greedy(3) });
  expect(linesIn(other).map(({ event, rid }) => [event, rid])).toEqual([
    ['request.received', 'changed'],
    ['request.finished', 'changed'],
  ]);
  expect(linesIn(other)[0]).toMatchObject({ obj: { sampling_params: { max_new_tokens: 3 } } });
  expect(linesIn(other)[0]).not.toMatchObject({ obj: { text: 'Hi' } });
  expect(inFiles().filter(({ rid }) => rid === 'changed')).toEqual([]);
  expect(server.stderr).toContain('Config logging: obj=ConfigureLoggingReq(log_requests_level=1, ');
});

test('the requests of the last minutes are kept when a child dies', async () => {
  const body = {
    text: 'Hi',
    rid: 'unlucky',
    sampling_params: { ...greedy(2000), ignore_eos: true },
    stream: true,
  };
  await server.post('/generate', body);
  process.kill(server.children()['scheduler'] ?? 0, 'SIGKILL');
  expect(await server.exit()).toBe(1);
  const [name = ''] = readdirSync(join(folder, 'crash', hostname()));
  const path = join(folder, 'crash', hostname(), name);
  expect(server.stderr).toContain(`The requests of the last minutes are in ${path}.`);
  const dump = JSON.parse(readFileSync(path, 'utf8')) as {
    requests: { obj: { rid: string }; finish_time: unknown }[];
  };
  expect(dump).toMatchObject({
    cause: expect.stringContaining('scheduler'),
    server_args: { log_requests: true },
  });
  const rids = dump.requests.map(({ obj, finish_time }) => [obj.rid, finish_time !== null]);
  expect(rids).toEqual(
    expect.arrayContaining([
      ['mine', true],
      ['long', true],
      ['unlucky', false],
    ]),
  );
});
