import { TestServer } from './test-server';

let server: TestServer;
afterEach(() => server.close());

describe('the pages', () => {
  it('may load nothing but what this server has, and are for everybody', async () => {
    server = await TestServer.start({ args: { apiKey: 'secret' } });
    const page = await server.get('/');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const text = await page.text();
    expect(text).toContain('Playground');
    // Relative links only, and no script or style in the page itself.
    expect(text).not.toMatch(/(?:href|src)="(?:\/|\w+:)/);
    expect(text).not.toMatch(/<style| style=| on\w+=|<script(?! type="module" src=)/);
    const style = await server.get('/assets/base.css');
    expect([style.status, style.headers.get('content-type')]).toEqual([200, 'text/css; charset=utf-8']);
    expect(style.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await server.get('/v1/models')).status).toBe(401);
  });

  it('are told to be the same with 304', async () => {
    server = await TestServer.start();
    const since = (await server.get('/assets/base.css')).headers.get('last-modified') ?? '';
    // As browsers ask when they have the file; `fetch` of Node would say no-cache.
    const asked = { 'if-modified-since': since, 'cache-control': 'max-age=0' };
    expect((await server.get('/assets/base.css', asked)).status).toBe(304);
  });

  it.each(['..%2fpackage.json', 'tsconfig.json', 'chat.ts', 'index.html', 'a%00.js', '.css'])(
    'give no other file: %s',
    async (name) => {
      server = await TestServer.start();
      expect((await server.get(`/assets/${name}`)).status).toBe(404);
    },
  );

  it('say what a server of vectors does', async () => {
    server = await TestServer.start({ facts: { kind: 'embedding' } });
    expect(await (await server.get('/')).text()).toContain('This server gives vectors');
  });

  it('are not there with --disable-playground', async () => {
    server = await TestServer.start({ args: { disablePlayground: true } });
    for (const path of ['/', '/assets/base.css']) {
      const reply = await server.get(path);
      expect([path, reply.status, await reply.json()]).toEqual([path, 404, { detail: 'Not Found' }]);
    }
  });

  it('send the bare prefix of a proxy on to its folder', async () => {
    server = await TestServer.start({ args: { fastapiRootPath: '/llm' } });
    const reply = await fetch(`${server.url}/llm`, { redirect: 'manual' });
    expect([reply.status, reply.headers.get('location')]).toEqual([307, '/llm/']);
    expect((await server.get('/llm/')).status).toBe(200);
    expect((await server.get('/llmx')).status).toBe(404);
  });
});
