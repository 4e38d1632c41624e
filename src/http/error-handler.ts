import { STATUS_CODES } from 'node:http';
import type { ErrorRequestHandler, Response } from 'express';
import { assertNever, RequestError, traceOf } from '../core/errors';
import { logger } from '../logging/logger';
import { BODY_LIMIT_BYTES } from './body';

/** The last handler of the application: turns whatever was thrown into a reply. */
export const errorHandler: ErrorRequestHandler = (error: unknown, req, res, next) => {
  void next; // Four parameters are how the framework knows an error handler.
  const known = error instanceof RequestError ? error : fromFramework(error);
  if (known === null) logger.log('error', `${req.method} ${req.path} failed: ${traceOf(error)}`);
  if (res.headersSent) {
    // The reply cannot be taken back; a cut connection is the only honest end.
    res.destroy();
  } else if (known === null) {
    res.status(500).type('text/plain').send('Internal Server Error');
  } else {
    sendError(res, known);
  }
};

export function sendError(res: Response, error: RequestError): void {
  res.status(error.status).json(errorBody(error));
}

/** The body of an error reply, in the shape its error asks for. */
export function errorBody(error: RequestError): Record<string, unknown> {
  const { envelope, message, status: code } = error;
  switch (envelope) {
    case 'native':
      return { error: { message } };
    case 'validation':
      return { object: 'error', message, type: 'Bad Request', param: null, code };
    case 'http':
      return { object: 'error', message, type: String(code), param: null, code };
    case 'openai':
      return { object: 'error', message, type: OPENAI_TYPES[code] ?? 'Error', param: null, code };
    case 'detail':
      return { detail: message };
    default:
      return assertNever(envelope);
  }
}

const OPENAI_TYPES: Readonly<Record<number, string>> = { 400: 'BadRequestError', 500: 'InternalServerError' };

/** Errors of the web framework carry a status, and a type where they are about the body. Its texts stay inside. */
function fromFramework(error: unknown): RequestError | null {
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return null;
  if (error.status >= 500) return null;
  const type = 'type' in error ? error.type : null;
  if (type === 'entity.too.large') {
    return new RequestError('body_too_large', `The request body is larger than ${BODY_LIMIT_BYTES} bytes.`);
  }
  const texts: Readonly<Record<string, string>> = {
    'entity.parse.failed': 'The request body is not valid JSON.',
    'charset.unsupported': 'The request body must be UTF-8.',
    'encoding.unsupported': 'The content encoding of the request body is not supported.',
    'request.size.invalid': 'The request body is shorter or longer than its Content-Length.',
  };
  const text = typeof type === 'string' ? texts[type] : undefined;
  return new RequestError(
    'bad_request',
    text ?? `The request cannot be read (${STATUS_CODES[error.status]}).`,
  );
}
