import { TestServer } from './test-server';

let server: TestServer;
afterEach(() => server.close());

type Operations = Readonly<Record<string, { readonly summary?: string; readonly requestBody?: unknown }>>;

async function pathsOf(of: TestServer): Promise<Record<string, Operations>> {
  return ((await (await of.get('/openapi.json')).json()) as { paths: Record<string, Operations> }).paths;
}

describe('/openapi.json', () => {
  it.each([
    ['generation', {}],
    ['embedding', {}],
    ['generation', { enableMetrics: true }],
    ['generation', { disablePlayground: true }],
  ] as const)('has every route of the live router and no other: %s %j', async (kind, args) => {
    server = await TestServer.start({ facts: { kind }, args });
    const live = server.routes.map(({ path, methods }) => [path.replace(/[:*](\w+)/g, '{$1}'), methods]);
    const found = Object.entries(await pathsOf(server)).map(([path, operations]) => {
      return [path, Object.keys(operations).map((method) => method.toUpperCase())];
    });
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(live));
  });

  it('is for everybody, and says who may call what', async () => {
    server = await TestServer.start({ args: { apiKey: 'secret', fastapiRootPath: '/llm/' } });
    const document = (await (await server.get('/openapi.json')).json()) as Record<string, unknown>;
    expect(document).toMatchObject({
      servers: [{ url: '/llm' }],
      paths: {
        '/health': { get: { security: [] } },
        '/generate': { post: { security: [{ apiKey: [] }] } },
        '/flush_cache': { post: { security: [{ adminKey: [] }] } },
      },
    });
    expect(JSON.stringify(document)).not.toContain('secret"');
  });

  it('describes bodies by what checks them', async () => {
    server = await TestServer.start();
    const strings = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] };
    const body = (schema: object) => ({ requestBody: { content: { 'application/json': { schema } } } });
    expect(await pathsOf(server)).toMatchObject({
      '/generate': { post: body({ properties: { text: { anyOf: [strings, { type: 'null' }] } } }) },
      '/v1/chat/completions': {
        post: body({
          required: ['messages'],
          properties: { max_tokens: { type: ['integer', 'null'] } },
        }),
      },
      '/detokenize': { post: body({ required: ['tokens'] }) },
    });
    const [get, post] = Object.values((await pathsOf(server))['/flush_cache'] ?? {});
    expect([get?.requestBody, post?.requestBody]).toEqual([undefined, expect.anything()]);
  });
});
