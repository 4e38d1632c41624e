import { areAlive } from '../../../src/http/health';
import type { TokenizerManager } from '../../../src/tokenizer-manager';
import { captureLog } from '../capture-log';
import { TestServer } from './test-server';

let server: TestServer;
let logged: string[];
beforeEach(async () => {
  logged = captureLog();
  server = await TestServer.start();
});
afterEach(async () => {
  jest.restoreAllMocks();
  delete process.env['SGLANG_HEALTH_CHECK_TIMEOUT'];
  delete process.env['SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION'];
  await server.close();
});

/** Lets the manager report a heartbeat of that age. */
function pretend(manager: TokenizerManager, ageMs: number, busyMs: number): void {
  const state = { running: 0, queued: 0, forwardCount: 0, busyMs };
  jest.spyOn(manager, 'heartbeats', 'get').mockReturnValue([{ state, ageMs }]);
}

async function status(path: string): Promise<number> {
  const reply = await server.get(path);
  expect(await reply.text()).toBe('');
  return reply.status;
}

it('counts as alive whoever was heard of lately and is not stuck', () => {
  const state = (busyMs: number) => ({ running: 0, queued: 0, forwardCount: 0, busyMs });
  expect(areAlive([{ state: state(0), ageMs: 20_000 }], 20_000)).toBe(true);
  expect(areAlive([{ state: state(0), ageMs: 20_001 }], 20_000)).toBe(false);
  expect(areAlive([{ state: state(19_000), ageMs: 5 }], 20_000)).toBe(true);
  expect(areAlive([{ state: state(20_001), ageMs: 5 }], 20_000)).toBe(false);
  expect(areAlive([{ state: null, ageMs: 5 }], 20_000)).toBe(true);
});

describe.each(['/health', '/health_generate'])('%s', (path) => {
  it('is 503 while the server starts and while it drains', async () => {
    server.status.phase = 'starting';
    expect(await status(path)).toBe(503);
    expect(logged).toEqual([]);
    server.status.phase = 'draining';
    expect(await status(path)).toBe(503);
    expect(logged).toEqual(['Health check request received during shutdown. Returning 503.']);
    server.status.phase = 'up';
    expect(await status(path)).toBe(200);
  });
});

describe('/health', () => {
  it('does not generate', async () => {
    expect(await status('/health')).toBe(200);
    expect(server.scheduler.received).toEqual([]);
  });

  it('is 503 when the scheduler is silent or stuck', async () => {
    pretend(server.manager, 21_000, 0);
    expect(await status('/health')).toBe(503);
    expect(logged[0]).toMatch(
      /^Health check failed\. Server couldn't get a response from detokenizer for last 20 seconds\. tic start time: \d\d:\d\d:\d\d\. last_heartbeat time: \d\d:\d\d:\d\d$/,
    );
    pretend(server.manager, 5, 21_000);
    expect(await status('/health')).toBe(503);
  });

  it('takes its limit from the environment', async () => {
    process.env['SGLANG_HEALTH_CHECK_TIMEOUT'] = '60';
    pretend(server.manager, 50_000, 50_000);
    expect(await status('/health')).toBe(200);
    pretend(server.manager, 61_000, 0);
    expect(await status('/health')).toBe(503);
  });

  it('looks no further where it is told so', async () => {
    process.env['SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION'] = 'false';
    pretend(server.manager, 1e9, 1e9);
    expect(await status('/health')).toBe(200);
    server.status.phase = 'starting';
    expect(await status('/health')).toBe(503);
  });
});

describe('/health_generate', () => {
  it('generates one token', async () => {
    expect(await status('/health_generate')).toBe(200);
    const [probe, ...others] = server.scheduler.all('generate');
    expect(others).toEqual([]);
    expect(probe).toMatchObject({
      inputIds: Int32Array.of(0),
      sampling: { maxNewTokens: 1, temperature: 0 },
    });
    expect(probe?.rid).toMatch(/^HEALTH_CHECK_/);
    expect(server.manager.pendingRids).toEqual([]);
  });

  it('can be asked by many at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => status('/health_generate')));
    expect(all).toEqual(Array(8).fill(200));
  });

  it('is 503 when nothing comes back in time, and takes its probe away', async () => {
    process.env['SGLANG_HEALTH_CHECK_TIMEOUT'] = '0.05';
    server.scheduler.isHolding = true;
    expect(await status('/health_generate')).toBe(503);
    expect(logged[0]).toContain('for last 0.05 seconds');
    expect(server.scheduler.all('abort').map(({ rid }) => rid)).toEqual(
      server.scheduler.all('generate').map(({ rid }) => rid),
    );
  });

  it('is satisfied by any output of a busy server', async () => {
    server.scheduler.isHolding = true;
    const running = server.post('/generate', { text: 'a', rid: 'r' });
    await server.scheduler.until('generate');
    const health = status('/health_generate');
    await server.scheduler.until('generate', 2);
    await new Promise((resolve) => setImmediate(resolve));
    server.scheduler.emit('r', 'x', { type: 'length', length: 1 });
    expect(await health).toBe(200);
    await running;
    expect(server.scheduler.all('abort')).toHaveLength(1);
  });

  it('takes its probe away when nobody waits for it', async () => {
    server.scheduler.isHolding = true;
    const client = new AbortController();
    const asked = fetch(`${server.url}/health_generate`, { signal: client.signal });
    await server.scheduler.until('generate');
    client.abort();
    await expect(asked).rejects.toThrow();
    await server.scheduler.until('abort');
  });
});
