import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../../../src/core/errors';
import { ChildDiedError, Children } from '../../../src/launcher/children';
import type { ServerArgs } from '../../../src/server-args/server-args';
import { Launcher, isAlive, killLaunchers, until } from './launcher';

const MODULES = {
  scheduler: join(__dirname, 'fixtures/scheduler.js'),
  detokenizer: join(__dirname, 'fixtures/detokenizer.js'),
};
const ARGS = { logLevel: 'critical', logLevelHttp: null, dpSize: 1, watchdogTimeout: 300 } as ServerArgs;

let children: Children;

function start(behaviour = ''): Children {
  children = new Children({ args: ARGS, modelDir: behaviour, tokenizerDir: '' }, MODULES);
  return children;
}

afterEach(async () => {
  await children.stop(0);
  expect(existsSync(children.init.endpoints.directory)).toBe(false);
  for (const pid of Object.values(children.pids)) expect(isAlive(pid ?? -1)).toBe(false);
});
afterAll(killLaunchers);

test('children report readiness and carry their titles; an order to stop ends them', async () => {
  const facts = await start().ready();
  expect(facts).toMatchObject({ vocabSize: 512, maxTotalNumTokens: 1024 });
  for (const name of ['scheduler', 'detokenizer'] as const) {
    expect(readFileSync(`/proc/${children.pids[name]}/cmdline`, 'utf8')).toContain(`sglang::${name}`);
  }
  const failures: unknown[] = [];
  children.failure.catch((error: unknown) => failures.push(error));
  await children.stop(10_000);
  expect(failures).toEqual([]);
});

test.each([
  ['refuses to start', StartupError, '/models/broken/config.json has no field "hidden_size"'],
  [
    'throws while starting',
    ChildDiedError,
    'Rank 0 scheduler is dead. Please check if there are relevant logs. (pid',
  ],
  ['exits while starting', ChildDiedError, 'exit code 7'],
])('a scheduler that %s fails the launch', async (behaviour, type, text) => {
  const failure: unknown = await start(`scheduler:${behaviour}`)
    .ready()
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(type);
  expect(String(failure)).toContain(text);
});

test('a detokenizer that is killed while the scheduler still loads fails the launch', async () => {
  const ready = start('scheduler:never becomes ready').ready();
  process.kill(children.pids['detokenizer'] ?? -1, 'SIGKILL');
  await expect(ready).rejects.toThrow(
    'The detokenizer is dead. Please check if there are relevant logs. (pid',
  );
});

test.each([
  ['scheduler', 'fails later', 'lost in a fixture'],
  ['scheduler', 'exits later', 'exit code 9'],
  ['detokenizer', 'throws outside its loop', 'thrown from a handler'],
  ['detokenizer', 'ends its loop', 'ended by itself'],
] as const)('a running %s that %s is a failure that names it', async (name, behaviour, text) => {
  await start(`${name}:${behaviour}`).ready();
  process.kill(children.pids[name] ?? -1, 'SIGUSR2');
  const failure: unknown = await children.failure.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ChildDiedError);
  expect(String(failure)).toMatch(`The ${name} process ended unexpectedly (pid`);
  expect(String(failure)).toContain(text);
});

test('a child that is killed is named with the signal', async () => {
  await start().ready();
  process.kill(children.pids['scheduler'] ?? -1, 'SIGKILL');
  await expect(children.failure).rejects.toThrow(
    `The scheduler process ended unexpectedly (pid ${children.pids['scheduler']}, signal SIGKILL`,
  );
});

test('a child that does not close in time is killed', async () => {
  await start('detokenizer:does not close').ready();
  await children.stop(50);
  expect(isAlive(children.pids['detokenizer'] ?? -1)).toBe(false);
});

test('children ignore the signals of a terminal', async () => {
  await start().ready();
  for (const pid of Object.values(children.pids)) {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid ?? -1, signal);
  }
  const state = await Promise.race([
    children.failure.catch(() => 'lost'),
    new Promise((resolve) => setTimeout(resolve, 300, 'alive')),
  ]);
  expect(state).toBe('alive');
});

describe('a launcher', () => {
  test('that is killed leaves nothing behind', async () => {
    const launcher = new Launcher('');
    const { pids, directory } = await launcher.started();
    await launcher.ready();
    expect(existsSync(directory)).toBe(true);
    process.kill(launcher.pid, 'SIGKILL');
    await until(() => !isAlive(pids.scheduler) && !isAlive(pids.detokenizer), 'the children are gone');
    expect(existsSync(directory)).toBe(false);
  });

  test('that is killed while its children start leaves nothing behind', async () => {
    const launcher = new Launcher('scheduler:never becomes ready');
    const { pids, directory } = await launcher.started();
    process.kill(launcher.pid, 'SIGKILL');
    await until(() => !isAlive(pids.scheduler) && !isAlive(pids.detokenizer), 'the children are gone');
    expect(existsSync(directory)).toBe(false);
  });

  test('that exits in a hurry takes its children with it', async () => {
    const launcher = new Launcher('scheduler:throws while starting');
    const { pids, directory } = await launcher.started();
    expect(await launcher.exit()).toBe(1);
    await until(() => !isAlive(pids.scheduler) && !isAlive(pids.detokenizer), 'the children are gone');
    expect(existsSync(directory)).toBe(false);
    expect(launcher.stderr).toContain(
      'Scheduler hit an exception: TypeError: cannot read properties of a fixture',
    );
    expect(launcher.stdout).toContain('ChildDiedError: Rank 0 scheduler is dead.');
  });

  test('reads what its child cannot mend without a trace in the log', async () => {
    const launcher = new Launcher('scheduler:refuses to start');
    expect(await launcher.exit()).toBe(1);
    expect(launcher.stdout).toContain('StartupError: /models/broken/config.json has no field "hidden_size"');
    expect(launcher.stderr).toBe('');
  });
});
