import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** The first of Chromium's names in PATH. @returns null, with a notice, where there is none: the caller skips its tests */
export function findBrowser(): string | null {
  const folders = (process.env['PATH'] ?? '').split(':');
  for (const file of NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // The next one.
    }
  }
  process.stderr.write(`skipped: no browser (none of ${NAMES.join(', ')} in PATH)\n`);
  return null;
}

export function openBrowser(executablePath: string): Promise<Browser> {
  // Its sandbox is not to be had in most containers; the pages are our own.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** A page of its own session, and what went wrong on it. */
export interface Watched {
  readonly page: Page;
  /** Errors of scripts, of the console and of the content security policy. */
  readonly errors: string[];
  /** URLs of all requests. */
  readonly requests: string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  options?: BrowserContextOptions,
): Promise<Watched> {
  const page = await (await browser.newContext(options)).newPage();
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, errors, requests };
}
