import { join } from 'node:path';
import type { Request, Response } from 'express';
import { RequestError } from '../../core/errors';
import type { AppDeps } from '../app-deps';
import type { RouteSpec } from '../route';

/** Where the build puts pages, styles and scripts, from dist/http/playground; the scripts are not in src. */
const FILES = join(__dirname, '../../playground');
/** What a page may load: its own files and this server's answers, nothing from anywhere else, and no script inside it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
/** Names of files that pages ask for. */
const ASSET = /^[a-z-]+\.(js|css|svg)$/;

/**
 * Pages for browsers. They hold no secrets, so that everybody may have them; what their scripts ask for takes the key. Links in
 * them are relative, so that they work behind a proxy that strips a prefix.
 */
export function pageRoutes({ args, facts }: Pick<AppDeps, 'args' | 'facts'>): RouteSpec[] {
  const root: RouteSpec = {
    path: '/',
    methods: ['get'],
    level: 'open',
    about: {
      area: 'Pages',
      summary: "The playground; for clients of Ollama's API a sign of life",
      reply: 'page',
    },
    async handler(req, res) {
      if (asksForLife(req)) return void res.type('text/plain').send(OLLAMA_LIVES);
      if (args.disablePlayground) throw notFound();
      await sendPage(res, facts.kind === 'generation' ? 'index.html' : 'vectors.html');
    },
  };
  if (args.disablePlayground) return [root];
  return [
    root,
    {
      path: '/docs',
      methods: ['get'],
      level: 'open',
      about: { area: 'Pages', summary: 'This API, to read and to try', reply: 'page' },
      handler(req, res) {
        // Relative links of a page with a slash at its end would lead below it.
        return req.path.endsWith('/') ? res.redirect(307, '../docs') : sendPage(res, 'docs.html');
      },
    },
    {
      path: '/assets/:name',
      methods: ['get'],
      level: 'open',
      about: { area: 'Pages', summary: 'Scripts, styles and images of the pages', reply: 'page' },
      async handler(req, res) {
        const name = String(req.params['name']);
        if (!ASSET.test(name)) throw notFound();
        await sendFile(res, name);
      },
    },
  ];
}

/** What clients of Ollama's API look for. */
const OLLAMA_LIVES = 'Ollama is running';

/** Browsers ask for a page, and whoever does not say is given one. */
function asksForLife(req: Request): boolean {
  return req.method === 'HEAD' || req.accepts('html') === false;
}

async function sendPage(res: Response, name: string): Promise<void> {
  res.setHeader('content-security-policy', POLICY);
  res.setHeader('referrer-policy', 'no-referrer');
  await sendFile(res, name);
}

/** @throws RequestError where there is none of this name */
async function sendFile(res: Response, name: string): Promise<void> {
  res.setHeader('x-content-type-options', 'nosniff');
  // Asked for anew each time, and answered 304: another version of the server may have other files.
  res.setHeader('cache-control', 'no-cache');
  const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    res.sendFile(name, { root: FILES, cacheControl: false }, resolve);
  });
  // A client that left needs no answer.
  if (error !== undefined && error.code !== 'ECONNABORTED')
    throw error.code === 'ENOENT' ? notFound() : error;
}

function notFound(): RequestError {
  return new RequestError('unknown_route', 'Not Found');
}
