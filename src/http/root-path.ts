import type { RequestHandler } from 'express';

/**
 * Takes the prefix of a path-routing proxy off the request's path, where it has one (`--fastapi-root-path`). The bare prefix is sent
 * on to the same with a slash: relative links of the page there would lead out of it.
 */
export function stripRootPath(rootPath: string): RequestHandler {
  const prefix = rootPath.replace(/\/+$/, '');
  return (req, res, next) => {
    if (prefix !== '' && req.url === prefix) return res.redirect(307, `${prefix}/`);
    if (prefix !== '' && req.url.startsWith(`${prefix}/`)) req.url = req.url.slice(prefix.length);
    next();
  };
}
