import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LAUNCHER, TEST_MODEL, events, launch, processTitle, start, type Server } from './harness';

const TOKENS = 400;
const LONG = {
  text: 'Once upon a time',
  sampling_params: { temperature: 0, max_new_tokens: TOKENS, ignore_eos: true },
};
/** Work for seconds, on a slow machine. */
const BATCH = { ...LONG, text: prompts(120) };
/** Work for seconds, on any machine. */
const FLOOD = { ...LONG, text: prompts(1000), stream: true };

function prompts(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `Story ${i}: once upon a time`);
}

const folders: string[] = [];

/** A copy of the shipped model that `damage` may spoil. */
function damagedModel(damage: (folder: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'e2e-model-'));
  folders.push(folder);
  cpSync(TEST_MODEL, folder, { recursive: true });
  damage(folder);
  return folder;
}

function editConfig(folder: string, change: (config: Record<string, unknown>) => void): void {
  const file = join(folder, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  change(config);
  writeFileSync(file, JSON.stringify(config));
}

afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A stream of which the first event has arrived; the result reads the rest. */
async function openStream(server: Server, body: object = { ...LONG, stream: true }) {
  const stream = events(await server.post('/generate', body));
  await stream.next();
  return async () => {
    let last: Record<string, unknown> | undefined;
    for await (const event of stream) last = event;
    return last?.['meta_info'] as { finish_reason: { type: string } | null; completion_tokens: number };
  };
}

const CHAT = {
  model: 'default',
  messages: [{ role: 'user', content: 'Tell me a story.' }],
  ignore_eos: true,
};
/** Streams of each API, which nothing ends soon. */
const STREAMS: readonly (readonly [path: string, body: object])[] = [
  ['/generate', LONG],
  ['/v1/completions', { model: 'default', prompt: 'a', max_tokens: TOKENS, ignore_eos: true }],
  ['/v1/chat/completions', { ...CHAT, max_tokens: TOKENS }],
  ['/v1/messages', { ...CHAT, max_tokens: TOKENS }],
  ['/v1/responses', { input: 'Tell me a story.' }],
  ['/api/chat', { ...CHAT, options: { num_predict: TOKENS } }],
];

/** What the log says beyond the lines of a healthy start. */
function expectOneLineError(server: Server, text: string | RegExp): void {
  const lines = server.stderr.split('\n').filter((line) => line !== '');
  expect(lines.at(-1)).toMatch(text);
  expect(lines.at(-1)).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] /);
  expect(server.stderr).not.toMatch(/^\s+at /m);
  expect(server.stderr).not.toContain('hit an exception');
}

describe('start', () => {
  let server: Server;
  const headers = { authorization: 'Bearer secret' };
  beforeAll(async () => {
    // Held up for a moment, so that loading lasts longer than a test needs to look.
    server = await start(['--api-key', 'secret'], { SGLANG_TEST_STUCK_SCHEDULER_INIT: '1' });
    await server.logged('server_args=ServerArgs(');
  });

  test('until the model is loaded, requests are answered 503', async () => {
    const reply = await server.post('/generate', LONG, { headers });
    expect(reply.status).toBe(503);
    expect(await reply.json()).toMatchObject({
      message: 'The server is starting: the model is still being loaded.',
    });
    await server.ready();
  });

  test('no process shows the key to other users of the machine', () => {
    for (const pid of [server.pid, ...Object.values(server.children())]) {
      expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('secret');
    }
    expect(readFileSync(`/proc/${server.pid}/cmdline`, 'utf8')).toContain('--api-key ***');
  });

  test('the processes carry their titles', () => {
    expect(Object.keys(server.children()).sort()).toEqual(['detokenizer', 'scheduler']);
  });

  test('the log tells the story in the order SGLang users know', () => {
    const order = [
      'server_args=ServerArgs(model_path=',
      'Load weight end.',
      `Started server process [${server.pid}]`,
      'Application startup complete.',
      `Uvicorn running on http://127.0.0.1:${server.port} `,
      'The server is fired up and ready to roll!',
    ].map((text) => server.stderr.indexOf(text));
    expect(order).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(server.stderr).toMatch(
      /^\[[-\d]+ [:\d]+\] INFO: {5}Uvicorn running on \S+ \(Press CTRL\+C to quit\)$/m,
    );
  });

  test('is healthy, and a second server on its port is told so at once', async () => {
    expect((await server.fetch('/health')).status).toBe(200);
    const second = await start(['--port', String(server.port)]);
    expect(await second.exit()).toBe(1);
    expectOneLineError(second, `Cannot listen on 127.0.0.1:${server.port}: the port is in use.`);
    expect(second.stderr).not.toContain('Load weight');
    expect((await server.fetch('/health')).status).toBe(200);
  });

  test('an idle server stops at once on SIGTERM', async () => {
    server.signal('SIGTERM');
    expect(await server.exit(4_500)).toBe(0);
    expect(server.stderr).toContain('SIGTERM received. signum=15. Draining requests and shutting down...');
    expect(server.stderr).not.toContain('Remaining number of requests');
    await server.gone();
  });
});

describe('stop', () => {
  test('SIGTERM lets running streams and requests finish, refuses new ones, and turns the health check red', async () => {
    const server = await launch();
    const batch = server.post('/generate', BATCH);
    const finishStream = await openStream(server);
    server.signal('SIGTERM');
    await server.logged('SIGTERM received.');
    expect((await server.fetch('/health')).status).toBe(503);
    expect((await server.post('/generate', LONG)).status).toBe(503);
    expect(await finishStream()).toMatchObject({
      finish_reason: { type: 'length' },
      completion_tokens: TOKENS,
    });
    const replies = (await (await batch).json()) as { meta_info: { completion_tokens: number } }[];
    expect(replies.map((reply) => reply.meta_info.completion_tokens)).toEqual(BATCH.text.map(() => TOKENS));
    expect(await server.exit()).toBe(0);
    await server.gone();
  });

  test('when the drain time is over, what still runs is aborted and its clients are told', async () => {
    const server = await launch([], { SGLANG_DRAIN_TIMEOUT: '0' });
    const finishFlood = await openStream(server, FLOOD);
    server.signal('SIGINT');
    expect(await finishFlood()).toMatchObject({ finish_reason: { type: 'abort' } });
    expect(await server.exit()).toBe(0);
    expect(server.stderr).toContain('SIGINT received. signum=2. Draining requests and shutting down...');
    await server.gone();
  });

  test('a client that never reads holds the drain no longer than its limit', async () => {
    const server = await launch(['--drain-timeout', '1']);
    const body = JSON.stringify({ ...FLOOD, text: prompts(200), return_logprob: true, top_logprobs_num: 50 });
    const socket = connect(server.port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write(
      `POST /generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await sleep(3_000);
    server.signal('SIGTERM');
    expect(await server.exit(8_000)).toBe(0);
    socket.destroy();
    await server.gone();
  });

  test('Ctrl-C in a terminal, which reaches every process, drains; a second one ends at once', async () => {
    const server = await launch();
    const finishStream = await openStream(server);
    const finishFlood = await openStream(server, FLOOD);
    server.signal('SIGINT', 'group');
    await server.logged('SIGINT received.');
    expect(await finishStream()).toMatchObject({
      finish_reason: { type: 'length' },
      completion_tokens: TOKENS,
    });
    // Sooner than this, it would pass for an echo of the first one.
    await sleep(300);
    server.signal('SIGINT', 'group');
    expect(await server.exit()).toBe(130);
    await expect(finishFlood()).rejects.toThrow();
    await server.gone();
  });

  test('SIGHUP drains like SIGTERM; SIGUSR1 and SIGUSR2 do nothing, and open no inspector', async () => {
    const server = await launch();
    const pids = [server.pid, ...Object.values(server.children())];
    for (const pid of pids) for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.kill(pid, signal);
    await sleep(300);
    expect(server.stderr).not.toMatch(/Debugger listening/);
    const finishStream = await openStream(server);
    server.signal('SIGHUP');
    expect(await finishStream()).toMatchObject({ finish_reason: { type: 'length' } });
    expect(await server.exit()).toBe(0);
    expect(server.stderr).toContain('SIGHUP received. signum=1. Draining requests and shutting down...');
    await server.gone();
  });

  test('SIGQUIT ends at once', async () => {
    const server = await launch();
    const finishStream = await openStream(server, FLOOD);
    server.signal('SIGQUIT');
    expect(await server.exit(4_500)).toBe(131);
    await expect(finishStream()).rejects.toThrow();
    await server.gone();
  });

  test('SIGTERM while the model loads', async () => {
    const server = await start(['--host', '0.0.0.0']);
    await server.logged('server_args=ServerArgs(');
    expect(server.stderr).toContain('it listens beyond this machine and asks for no key');
    server.signal('SIGTERM');
    expect(await server.exit()).toBe(0);
    expect(server.stderr).not.toContain('fired up');
    expect(server.stderr).not.toContain('exception');
    await server.gone();
  });
});

describe('death', () => {
  test.each(['scheduler', 'detokenizer'] as const)(
    'a %s that is frozen ends the server, with one line',
    async (name) => {
      const server = await launch(['--watchdog-timeout', '6']);
      process.kill(server.children()[name] ?? -1, 'SIGSTOP');
      expect(await server.exit(30_000)).toBe(1);
      expectOneLineError(
        server,
        new RegExp(
          `The ${name} process \\(pid \\d+\\) has given no sign of life for 6 s: it is stopped or stuck`,
        ),
      );
      await server.gone();
    },
  );

  test('a main process that is killed takes everything with it', async () => {
    const server = await launch();
    const finishFlood = await openStream(server, FLOOD);
    server.signal('SIGKILL');
    expect(await server.exit()).toBe('SIGKILL');
    await expect(finishFlood()).rejects.toThrow();
    await server.gone();
  });

  test('a main process that is killed while the model loads takes everything with it', async () => {
    const server = await start();
    await server.logged('server_args=ServerArgs(');
    server.signal('SIGKILL');
    expect(await server.exit()).toBe('SIGKILL');
    await server.gone();
  });

  test.each([
    ['scheduler', []],
    ['detokenizer', ['--log-level', 'critical']],
  ])('a %s that is killed takes the server down', async (name, args) => {
    const server = await launch(args);
    const pid = server.children()[name] ?? -1;
    expect(processTitle(pid)).toBe(`sglang::${name}`);
    const finishBatch = await openStream(server, { ...BATCH, stream: true });
    const streams = STREAMS.map(([path, body]) => server.post(path, { ...body, stream: true }));
    const replies = await Promise.all(streams);
    process.kill(pid, 'SIGKILL');
    // The last thing that clients read is why nothing more comes, in the words of the API that they speak.
    for (const reply of replies) {
      const lines = (await reply.text()).split('\n').filter((line) => line !== '' && line !== 'data: [DONE]');
      expect(lines.slice(-5).join('\n')).toContain('The server has failed and stops.');
    }
    expect(await server.exit()).toBe(1);
    await finishBatch().catch(() => undefined);
    expectOneLineError(server, `The ${name} process ended unexpectedly (pid ${pid}, signal SIGKILL`);
    await server.gone();
  });
});

describe('refusal to start', () => {
  test('an unknown model', async () => {
    const server = await start(['--model-path', 'nobody/no-such-model']);
    expect(await server.exit()).toBe(1);
    expectOneLineError(server, 'nobody/no-such-model (repository not found).');
    await server.gone();
  });

  const damages: [string, (folder: string) => void, string][] = [
    [
      'weights that are cut off',
      (folder) => truncateSync(join(folder, 'model.safetensors'), 5000),
      'model.safetensors',
    ],
    [
      'a config without a field',
      (folder) => editConfig(folder, (config) => delete config['hidden_size']),
      'config.json',
    ],
    [
      'an unsupported architecture',
      (folder) => editConfig(folder, (config) => (config['architectures'] = ['NoSuchForCausalLM'])),
      'NoSuchForCausalLM',
    ],
    [
      'a tokenizer that is no JSON',
      (folder) => writeFileSync(join(folder, 'tokenizer.json'), '{'),
      'tokenizer.json',
    ],
  ];
  test.each(damages)('%s', async (_what, damage, text) => {
    const model = damagedModel(damage);
    const server = await start(['--model-path', model]);
    expect(await server.exit()).toBe(1);
    expectOneLineError(server, text);
    await server.gone();
  });

  test('a warm-up request that is not answered', async () => {
    const server = await start([], { SGLANG_WARMUP_TIMEOUT: '0.001' });
    expect(await server.exit()).toBe(1);
    expectOneLineError(server, 'Initialization failed. warmup error: ');
    await server.gone();
  });

  test.each([[['--no-such-flag']], [['--port', 'many']]])('usage error %j', async (args) => {
    const server = await start(args);
    expect(await server.exit()).toBe(2);
    expect(server.stderr).toMatch(/^launch_server: error: .+$/m);
    expect(server.stderr).not.toMatch(/^\s+at /m);
    await server.gone();
  });
});

describe('watchdogs', () => {
  test.each([
    ['TokenizerManager', { SGLANG_TEST_STUCK_TOKENIZER: '3' }],
    ['DetokenizerManager', { SGLANG_TEST_STUCK_DETOKENIZER: '3' }],
    ['Scheduler', { SGLANG_TEST_STUCK_SCHEDULER_INIT: '3' }],
  ])('say that the %s was stuck, and change nothing else', async (name, env) => {
    const server = await launch(['--soft-watchdog-timeout', '1'], env);
    await server.logged(`${name} watchdog timeout (self.watchdog_timeout=1, self.soft=True)`);
    expect(server.stderr).toContain(`Watchdog ${name} initialized.`);
    expect((await server.post('/generate', { ...LONG, sampling_params: { max_new_tokens: 2 } })).status).toBe(
      200,
    );
  });
});

describe('TMPDIR', () => {
  test.each([
    ['does not exist', '/nonexistent/tmp', 'ENOENT'],
    ['is a file', '/etc/passwd', 'ENOTDIR'],
    ['cannot be written to', '/proc', 'ENOENT'],
  ])('that %s is named in one line', async (_, TMPDIR, code) => {
    const server = await start([], { TMPDIR });
    expect(await server.exit()).toBe(1);
    expectOneLineError(server, `none can be made in ${TMPDIR} (${code}): set TMPDIR to a folder that exists`);
  });

  test('that is too long for sockets is passed over', async () => {
    const long = join(mkdtempSync(join(tmpdir(), 'long-')), 'x'.repeat(120));
    folders.push(long);
    mkdirSync(long);
    const server = await launch([], { TMPDIR: long });
    expect((await server.fetch('/health')).status).toBe(200);
    server.signal('SIGTERM');
    expect(await server.exit()).toBe(0);
  });
});

test('a working directory that was deleted is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gone-'));
  const run = spawnSync(
    'sh',
    ['-c', `cd ${folder} && rmdir ${folder} && exec ${process.execPath} ${LAUNCHER} --version`],
    {
      encoding: 'utf8',
    },
  );
  expect(run.stderr).toBe('The working directory does not exist any more: start from one that does.\n');
  expect(run.status).toBe(1);
});
