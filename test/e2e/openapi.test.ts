import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import { findBrowser, openBrowser, openPage } from './browser';
import { launch, type Server } from './harness';

const CHECKER = resolve(__dirname, 'check-openapi.mjs');
const DEMO = resolve(__dirname, '../../models/demo-chat');

interface Operation {
  readonly 'x-refused'?: string;
  readonly requestBody?: {
    readonly content: Record<string, { readonly examples: Record<string, { readonly value: unknown }> }>;
  };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

async function documentOf(server: Server): Promise<Document> {
  return (await (await server.fetch('/openapi.json')).json()) as Document;
}

/** Sends every example to each method that takes it, in order. @returns what was answered otherwise than with 200 */
async function pressAll(server: Server): Promise<{ sent: number; failed: string[] }> {
  let sent = 0;
  const failed: string[] = [];
  for (const [path, operations] of Object.entries((await documentOf(server)).paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const examples = operation.requestBody?.content['application/json']?.examples ?? {};
      if (operation['x-refused'] !== undefined) continue;
      for (const [name, { value }] of Object.entries(examples)) {
        // What is asked for when the server still works for others is refused for that reason.
        if (path === '/flush_cache') await server.idle();
        const reply = await server.post(path, value);
        const text = await reply.text();
        sent++;
        if (reply.status !== 200) failed.push(`${method} ${path} ${name}: ${reply.status} ${text}`);
        // In a stream, errors come after the 200.
        if (/^data: \{"error"/m.test(text)) failed.push(`${method} ${path} ${name}: ${text}`);
      }
    }
  }
  return { sent, failed };
}

describe('/openapi.json', () => {
  let server: Server;
  beforeAll(async () => void (server = await launch(['--model-path', DEMO, '--enable-metrics'])));

  test('is a document of OpenAPI 3.1', async () => {
    const input = JSON.stringify(await documentOf(server));
    expect(execFileSync(process.execPath, [CHECKER], { input, encoding: 'utf8' })).toBe('');
    // The checker can tell: this is none.
    const broken = input.replace('"responses"', '"replies"').replace('"info"', '"about"');
    expect(execFileSync(process.execPath, [CHECKER], { input: broken, encoding: 'utf8' })).not.toBe('');
  });

  test('has examples that the server answers', async () => {
    const { sent, failed } = await pressAll(server);
    expect(failed).toEqual([]);
    expect(sent).toBeGreaterThan(20);
  });

  test('says what a server of vectors refuses, and has examples for it', async () => {
    const vectors = await launch(['--is-embedding', '--context-length', '64']);
    const { paths } = await documentOf(vectors);
    expect(paths['/generate']?.['post']).toHaveProperty(['x-refused']);
    expect(paths['/encode']?.['post']).not.toHaveProperty(['x-refused']);
    expect((await documentOf(server)).paths['/encode']?.['post']).toHaveProperty(['x-refused']);
    for (const { value } of Object.values(
      paths['/encode']?.['post']?.requestBody?.content['application/json']?.examples ?? {},
    )) {
      expect((await vectors.post('/encode', value)).status).toBe(200);
    }
  });

  const executable = findBrowser();
  (executable === null ? describe.skip : describe)('/docs in a browser', () => {
    let browser: Browser;
    beforeAll(async () => void (browser = await openBrowser(executable ?? '')));
    afterAll(() => browser.close());

    test('sends the first example of each route and shows the reply', async () => {
      const { page, errors, requests } = await openPage(browser, `${server.url}/docs`);
      const routes = page.locator('.route');
      await routes.first().waitFor();
      const shown: Record<string, string> = {};
      for (const route of await routes.all()) {
        const path = (await route.getAttribute('data-path')) ?? '';
        await route.locator('summary').click();
        const isRefused = (await route.locator('.try > .hint').innerText()) !== '';
        if (path.includes('{') || isRefused) continue;
        await route.getByRole('button', { name: 'Send' }).click();
        await route.locator('[role=status]', { hasText: /\d+ ms$/ }).waitFor();
        await route.getByRole('button', { name: 'Send', disabled: false }).waitFor();
        shown[path] = await route.locator('[role=status]').innerText();
        await route.locator('summary').click();
      }
      expect(Object.entries(shown).filter(([, status]) => !status.startsWith('200 OK'))).toEqual([]);
      expect(Object.keys(shown).length).toBeGreaterThan(20);
      expect(errors).toEqual([]);
      expect(requests.filter((url) => new URL(url).origin !== server.url)).toEqual([]);
    });

    test('shows a stream as it comes, and errors with their status', async () => {
      const { page } = await openPage(browser, `${server.url}/docs`);
      const route = page.locator('.route[data-path="/v1/chat/completions"]');
      await route.locator('summary').click();
      await route.getByLabel('Example').selectOption({ label: 'A stream, with a system message' });
      await route.getByRole('button', { name: 'Send' }).click();
      await route.locator('.reply', { hasText: 'data: [DONE]' }).waitFor();
      await route.getByLabel('Body').fill('{"messages": 5}');
      await route.getByRole('button', { name: 'Send' }).click();
      await route.locator('[role=status]', { hasText: '400 Bad Request' }).waitFor();
      expect(await route.locator('.reply').innerText()).toContain('must be a list of messages');
    });
  });
});
