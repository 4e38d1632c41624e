import { mayCall, type AuthLevel, type Caller, type Keys } from '../../../src/http/auth';
import { TestServer } from './test-server';

const USER = 'user-key';
const ADMIN = 'admin-key';

const refusalStatus = (level: AuthLevel, keys: Keys, caller: Caller) =>
  mayCall(level, keys, caller) ? null : 401;

describe('the table of levels and keys', () => {
  const NONE = { apiKey: null, adminApiKey: null };
  const ONLY_USER = { apiKey: USER, adminApiKey: null };
  const ONLY_ADMIN = { apiKey: null, adminApiKey: ADMIN };
  const BOTH = { apiKey: USER, adminApiKey: ADMIN };

  // What comes of no key, the API key and the admin key; null passes.
  it.each<[AuthLevel, Keys, (number | null)[]]>([
    ['normal', NONE, [null, null, null]],
    ['normal', ONLY_USER, [401, null, 401]],
    ['normal', ONLY_ADMIN, [null, null, null]],
    ['normal', BOTH, [401, null, 401]],
    ['admin_optional', NONE, [null, null, null]],
    ['admin_optional', ONLY_USER, [401, null, 401]],
    ['admin_optional', ONLY_ADMIN, [401, 401, null]],
    ['admin_optional', BOTH, [401, 401, null]],
    ['open', BOTH, [null, null, null]],
  ])('%s with %j', (level, keys, expected) => {
    const outcomes = [undefined, `Bearer ${USER}`, `Bearer ${ADMIN}`].map((authorization) =>
      refusalStatus(level, keys, { method: 'GET', path: '/x', authorization }),
    );
    expect(outcomes).toEqual(expected);
  });

  it('always lets OPTIONS and the open paths pass', () => {
    const caller = { method: 'GET', path: '/x', authorization: undefined };
    expect(refusalStatus('admin_optional', BOTH, { ...caller, method: 'OPTIONS' })).toBeNull();
    for (const path of ['/health', '/health_generate', '/metrics', '/metrics/']) {
      expect(refusalStatus('admin_optional', BOTH, { ...caller, path })).toBeNull();
    }
    expect(refusalStatus('normal', BOTH, { ...caller, path: '/HEALTH' })).toBe(401);
    expect(refusalStatus('normal', BOTH, { ...caller, path: '/x/health' })).toBe(401);
  });

  it.each([
    [`bearer ${USER}`, null],
    [`BEARER  ${USER}`, null],
    [`Bearer ${USER}x`, 401],
    [`Bearer ${USER.slice(0, -1)}`, 401],
    ['Bearer ', 401],
    ['Bearer', 401],
    [USER, 401],
    [`Basic ${USER}`, 401],
    ['', 401],
  ])('reads the header %j', (authorization, expected) => {
    const caller = { method: 'GET', path: '/x', authorization };
    expect(refusalStatus('normal', ONLY_USER, caller)).toBe(expected);
  });

  it.each(['clé', '鍵', 'k\u00a0', '🔑'])('compares the bytes of a key such as %j', (apiKey) => {
    // Node makes one character of each byte of a header.
    const header = (text: string) => Buffer.from(text).toString('latin1');
    const status = (authorization: string) =>
      refusalStatus('normal', { apiKey, adminApiKey: null }, { method: 'GET', path: '/x', authorization });
    expect(status(header(`Bearer ${apiKey}`))).toBeNull();
    expect(status(header(`Bearer ${apiKey}x`))).toBe(401);
    expect(status(header(`Bearer ${apiKey.slice(0, -1)}`))).toBe(401);
  });
});

describe('on the wire', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start({ args: { apiKey: USER, adminApiKey: ADMIN } });
  });
  afterAll(() => server.close());
  const as = (key: string) => ({ authorization: `Bearer ${key}` });

  it('refuses with a body of its own', async () => {
    const reply = await server.get('/model_info');
    expect(reply.status).toBe(401);
    expect(await reply.json()).toEqual({ error: 'Unauthorized' });
    expect(await (await server.get('/v1/models')).json()).toMatchObject({
      error: {
        message: 'Unauthorized',
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      },
    });
  });

  it('tells the two keys apart', async () => {
    expect((await server.get('/model_info', as(USER))).status).toBe(200);
    expect((await server.get('/model_info', as(ADMIN))).status).toBe(401);
    expect((await server.get('/flush_cache', as(USER))).status).toBe(401);
    expect((await server.get('/flush_cache', as(ADMIN))).status).toBe(200);
  });

  it('leaves health open and nothing else', async () => {
    expect((await server.get('/health')).status).toBe(200);
    for (const path of ['/nowhere', '/v1/models/x', '/ping', '//model_info', '/server_info/']) {
      expect((await server.get(path)).status).toBe(401);
    }
    expect((await server.get('/generate')).status).toBe(401);
  });

  it('refuses before it reads the body', async () => {
    const { status } = await server.ask('/generate', '{ not json');
    expect(status).toBe(401);
  });

  it('lets a browser ask first', async () => {
    const headers = {
      origin: 'http://page.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, content-type',
    };
    const reply = await fetch(`${server.url}/generate`, { method: 'OPTIONS', headers });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('access-control-allow-origin')).toBe('http://page.example');
    expect(reply.headers.get('access-control-allow-headers')).toBe('authorization, content-type');
    expect(reply.headers.get('access-control-allow-methods')).toContain('POST');
    expect(reply.headers.get('access-control-allow-credentials')).toBe('true');
    expect(reply.headers.get('access-control-expose-headers')).toBe('x-request-id, retry-after');
    const refused = await server.get('/model_info', { origin: 'http://page.example' });
    expect(refused.headers.get('access-control-allow-origin')).toBe('http://page.example');
  });
});
