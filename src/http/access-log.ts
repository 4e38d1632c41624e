import { STATUS_CODES } from 'node:http';
import type { RequestHandler } from 'express';
import { accessLogger } from '../logging/logger';

/** Logs each answered request when its connection is done with it. @param excluded path prefixes that are left out */
export function accessLog(excluded: readonly string[]): RequestHandler {
  return (req, res, next) => {
    const { method, originalUrl, httpVersion } = req;
    const client = `${req.socket.remoteAddress ?? '?'}:${req.socket.remotePort ?? 0}`;
    if (!excluded.some((prefix) => originalUrl.startsWith(prefix))) {
      res.once('close', () => {
        if (!res.headersSent) return;
        const status = `${res.statusCode} ${STATUS_CODES[res.statusCode] ?? ''}`.trimEnd();
        accessLogger.log(
          'info',
          `INFO:     ${client} - "${method} ${originalUrl} HTTP/${httpVersion}" ${status}`,
        );
      });
    }
    next();
  };
}
