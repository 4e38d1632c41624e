import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { RequestError, traceOf } from '../core/errors';
import { logger } from '../logging/logger';
import { dialectOf } from './dialect';
import { endReply, RETRY_AFTER_S } from './end-reply';

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
  if (error.code === 'overloaded') res.setHeader('retry-after', RETRY_AFTER_S);
  if (error.code === 'body_too_large') res.setHeader('connection', 'close');
  endReply(req, res, text);
}

/** Errors of the web framework carry a status: a path that cannot be decoded. Its texts stay inside. */
function fromFramework(error: unknown): RequestError | null {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return null;
  if (error.status >= 500) return null;
  return new RequestError('bad_request', `The request cannot be read (${STATUS_CODES[error.status]}).`);
}
