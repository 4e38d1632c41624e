import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { findBrowser, openBrowser, openPage, type Watched } from './browser';
import { launch, type Server } from './harness';

const executable = findBrowser();
const DEMO = resolve(__dirname, '../../models/demo-chat');

let browser: Browser;
beforeAll(async () => {
  if (executable !== null) browser = await openBrowser(executable);
});
afterAll(() => browser?.close());

const say = async (page: Page, text: string) => {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.keyboard.press('Enter');
};
/** Answers are on the page from the moment they are asked for, busy until they end. */
const settled = (page: Page) => page.locator('body:not(:has(article[aria-busy]))').waitFor();

/** What must hold of every page at the end of its test. */
const expectQuiet = ({ errors, requests }: Watched, server: Server) => {
  expect(errors).toEqual([]);
  expect(requests.filter((url) => new URL(url).origin !== server.url)).toEqual([]);
};

(executable === null ? describe.skip : describe)('the playground in a browser', () => {
  describe('with the model that ships', () => {
    let server: Server;
    beforeAll(async () => void (server = await launch(['--model-path', DEMO, '--enable-cache-report'])));

    test('streams answers that know what was said, and counts their tokens', async () => {
      const watched = await openPage(browser, server.url);
      const { page } = watched;
      await say(page, 'What is the capital of France?');
      await settled(page);
      expect(await page.locator('.answer .text').innerText()).toBe('The capital of France is Paris.');
      await say(page, 'And of Spain?');
      await settled(page);
      const second = page.locator('article.answer').nth(1);
      expect(await second.locator('.text').innerText()).toBe('The capital of Spain is Madrid.');
      const facts = await second.locator('.facts').innerText();
      for (const name of ['first token', 'prompt', 'completion', 'cached']) {
        expect(facts).toMatch(new RegExp(`[1-9][\\d.]*( ms| s)? ${name}`));
      }
      expect(await page.locator('#model').innerText()).toBe('demo-chat');
      await say(page, 'Tell me a short story.');
      await settled(page);
      expect(await page.locator('.facts').last().innerText()).toMatch(/[1-9][\d.]* tokens\/s/);
      await page.getByRole('button', { name: 'Clear' }).click();
      expect(await page.locator('article').count()).toBe(0);
      await say(page, 'And of Spain?');
      await settled(page);
      const promptOf = (text: string) => Number(/(\d+) prompt/.exec(text)?.[1]);
      expect(promptOf(await page.locator('.facts').innerText())).toBeLessThan(promptOf(facts));
      expectQuiet(watched, server);
    });

    test('takes a system message and the most tokens there may be', async () => {
      const watched = await openPage(browser, server.url);
      const { page } = watched;
      await page.getByLabel('System message').fill('Answer in upper case.');
      await page.getByLabel('Max tokens').fill('3');
      await say(page, 'What is the capital of France?');
      await settled(page);
      expect(await page.locator('.answer .text').innerText()).toMatch(/^THE/);
      expect(await page.locator('.answer').innerText()).toContain('Cut at the most tokens');
      expect(await page.locator('.facts').innerText()).toContain('3 completion');
      expectQuiet(watched, server);
    });

    test('says in words what the server refuses, and gives the message back', async () => {
      const { page } = await openPage(browser, server.url);
      await page.getByLabel('Temperature').fill('-1');
      await say(page, 'Hello');
      await settled(page);
      expect(await page.locator('.problem[role=alert]').innerText()).toMatch(/temperature/);
      expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('Hello');
      await page.getByLabel('Temperature').fill('0');
      await say(page, 'What is the capital of France?');
      await settled(page);
      expect(await page.locator('.answer .text').last().innerText()).toBe('The capital of France is Paris.');
    });

    test('fits into 360 pixels', async () => {
      const watched = await openPage(browser, server.url, { viewport: { width: 360, height: 640 } });
      const { page } = watched;
      await say(page, 'Tell me a short story.');
      await settled(page);
      for (const summary of await page.locator('.panel summary').all()) {
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
        await summary.click();
      }
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      expectQuiet(watched, server);
    });
  });

  describe('behind a key and a prefix, with a model that does not end by itself', () => {
    let server: Server;
    const KEY = 'sësame';
    const AUTHORIZED = { authorization: `Bearer ${Buffer.from(KEY).toString('latin1')}` };
    beforeAll(async () => {
      server = await launch(['--chat-template', 'chatml', '--api-key', KEY, '--fastapi-root-path', '/llm']);
    });

    test('asks for the key, shows the load and stops answers', async () => {
      const watched = await openPage(browser, `${server.url}/llm`);
      const { page } = watched;
      const key = page.getByLabel('This server asks for an API key.');
      await key.fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByLabel('The server refused this API key. Another one?').fill(KEY);
      await page.keyboard.press('Enter');
      await page.locator('#model:not(:empty)').waitFor();
      expect(await page.locator('.key-prompt').count()).toBe(0);
      expect(await page.locator('#message:focus').count()).toBe(1);
      expect(
        await page.evaluate('JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])'),
      ).toBe('[0,1,""]');

      // Drawn at random, one of the tokens would be the end.
      await page.getByLabel('Temperature').fill('0');
      await say(page, 'Go on for ever.');
      await page.locator('.answer .text:not(:empty)').waitFor();
      await page.getByRole('button', { name: 'Stop' }).click();
      await settled(page);
      expect(await page.locator('.answer').innerText()).toContain('Stopped.');
      await page.getByRole('button', { name: 'Clear' }).click();
      await say(page, 'Once more.');
      await page.locator('.answer .text:not(:empty)').waitFor();
      await page.keyboard.press('Escape');
      await settled(page);
      expect(await page.locator('.answer').last().innerText()).toContain('Stopped.');
      await server.idle({ headers: AUTHORIZED });
      const work = [1, 2, 3, 4].map(async () => {
        const body = { input_ids: [5, 6, 7], sampling_params: { max_new_tokens: 2000, ignore_eos: true } };
        await (await server.post('/generate', body, { headers: AUTHORIZED })).text();
      });
      await page.locator('#running', { hasText: '4' }).waitFor();
      await Promise.all(work);
      await page.locator('#running', { hasText: '0' }).waitFor();
      // The browser itself reports each 401.
      const errors = watched.errors.filter((error) => !error.includes('401'));
      expectQuiet({ ...watched, errors }, server);
      expect(watched.requests.filter((url) => !url.startsWith(`${server.url}/llm`))).toEqual([]);
    });
  });

  test('a server of vectors shows how to ask it', async () => {
    const server = await launch(['--is-embedding', '--context-length', '64']);
    const watched = await openPage(browser, server.url);
    await expect(watched.page.locator('pre').innerText()).resolves.toContain(`curl ${server.url}/encode`);
    expectQuiet(watched, server);
  });
});
