import type { RequestHandler } from 'express';

/** Takes the prefix of a path-routing proxy off the request's path, where it has one (`--fastapi-root-path`). */
export function stripRootPath(rootPath: string): RequestHandler {
  const prefix = rootPath.replace(/\/+$/, '');
  return (req, _res, next) => {
    if (prefix !== '' && req.url.startsWith(`${prefix}/`)) req.url = req.url.slice(prefix.length);
    next();
  };
}
