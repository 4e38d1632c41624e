import express, { type Request, type RequestHandler } from 'express';
import { RequestError } from '../core/errors';

/** Largest request body, after decompression. */
export const BODY_LIMIT_BYTES = 32 * 1024 * 1024;

/** Said of a missing body as well, which is what a body of another content type is read as. */
export const NOT_AN_OBJECT = 'The body must be a JSON object, sent with Content-Type: application/json';

/**
 * What a route reads as JSON:
 * - `json`: bodies that say they are JSON, or say nothing
 * - `json_only`: bodies of type application/json; any other is refused
 */
export type BodyKind = 'json' | 'json_only';

/** Parses the body into `req.body`, which stays undefined where there is none, or none that is JSON. */
export function readBody(kind: BodyKind): RequestHandler[] {
  const parse = express.json({
    limit: BODY_LIMIT_BYTES,
    strict: false,
    type: (req) => isJson(req.headers['content-type']),
  });
  return kind === 'json' ? [parse] : [refuseOtherTypes, parse];
}

function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined) return true;
  const mediaType = mediaTypeOf(contentType);
  return mediaType === 'application/json' || /^application\/.+\+json$/.test(mediaType);
}

const refuseOtherTypes: RequestHandler = (req: Request, _res, next) => {
  if (mediaTypeOf(req.headers['content-type'] ?? '') === 'application/json') return next();
  next(new RequestError('bad_request', "Unsupported Media Type: Only 'application/json' is allowed"));
};

function mediaTypeOf(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase();
}
