import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { RequestError, traceOf } from '../core/errors';
import { logger } from '../logging/logger';
import { dialectOf } from './dialect';

/** Seconds after which a client may try again what there was no room for. */
const RETRY_AFTER = '1';
/** How long a client may go on sending a body that is refused, so that it comes to read the answer. */
const LINGER_MS = 2_000;

/** The last handler of the application: turns whatever was thrown into a reply. */
export const errorHandler: ErrorRequestHandler = (error: unknown, req, res, next) => {
  void next; // Four parameters are how the framework knows an error handler.
  const known = toRequestError(error, `${req.method} ${req.path}`);
  // A reply that has begun cannot be taken back; a cut connection is the only honest end.
  if (res.headersSent) res.destroy();
  else sendError(req, res, known);
};

/** What a client is told of anything that was thrown. What it is not told is in the log. @param where for the log */
export function toRequestError(error: unknown, where: string): RequestError {
  const known = error instanceof RequestError ? error : fromFramework(error);
  if (known !== null) return known;
  logger.log('error', `${where} failed: ${traceOf(error)}`);
  return new RequestError('unexpected', 'Internal Server Error');
}

function sendError(req: Request, res: Response, error: RequestError): void {
  const body = dialectOf(res).errorBody(error);
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.status(error.status).type(typeof body === 'string' ? 'text/plain' : 'application/json');
  if (error.code === 'overloaded') res.setHeader('retry-after', RETRY_AFTER);
  if (error.code === 'body_too_large' && !req.complete) endUnread(req, res, text);
  else res.send(text);
}

/**
 * Answers a request whose body is still on its way. The connection is of no use afterwards, but to cut it at once would
 * reset it, and the answer would be lost before the client reads it.
 */
function endUnread(req: Request, res: Response, text: string): void {
  res.setHeader('connection', 'close');
  res.setHeader('content-length', Buffer.byteLength(text));
  res.write(text);
  const end = () => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  req.once('close', end).resume();
}

/** Errors of the web framework carry a status: a path that cannot be decoded. Its texts stay inside. */
function fromFramework(error: unknown): RequestError | null {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return null;
  if (error.status >= 500) return null;
  return new RequestError('bad_request', `The request cannot be read (${STATUS_CODES[error.status]}).`);
}
