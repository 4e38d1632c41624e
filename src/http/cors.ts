import type { RequestHandler } from 'express';

const METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';
/** What a page may read of a reply besides its body. */
const EXPOSED = 'x-request-id, retry-after';
const PREFLIGHT_SECONDS = 600;

/** Any origin, method and header, with credentials: access is a matter of keys, not of origins. */
export const cors: RequestHandler = (req, res, next) => {
  const { origin } = req.headers;
  if (origin === undefined) return next();
  res.vary('Origin');
  res.setHeader('access-control-allow-origin', origin);
  res.setHeader('access-control-allow-credentials', 'true');
  res.setHeader('access-control-expose-headers', EXPOSED);
  if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return next();
  res.setHeader('access-control-allow-methods', METHODS);
  res.setHeader('access-control-max-age', PREFLIGHT_SECONDS);
  const wanted = req.headers['access-control-request-headers'];
  if (wanted !== undefined) res.setHeader('access-control-allow-headers', wanted);
  res.status(200).type('text/plain').send('OK');
};
