import type { Request, RequestHandler, Response } from 'express';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { RequestError } from '../core/errors';

/** Largest request body, after decompression. */
export const BODY_LIMIT_BYTES = 32 * 1024 * 1024;

/** Said of a missing body as well, and of one of another content type. */
export const NOT_AN_OBJECT = 'The body must be a JSON object, sent with Content-Type: application/json';

/**
 * What a route reads as JSON:
 * - `json`: bodies that say they are JSON, or say nothing
 * - `json_only`: bodies of type application/json; any other is refused
 * - `any_type`: bodies whatever they say they are
 */
export type BodyKind = 'json' | 'json_only' | 'any_type';

/** Parses the body into `req.body`, which stays undefined where there is none. A body that is not JSON is refused. */
export function readBody(kind: BodyKind): RequestHandler {
  return async (req, res, next) => {
    const type = req.headers['content-type'];
    if (kind === 'json_only' && mediaTypeOf(type ?? '') !== 'application/json') {
      throw unreadable("Unsupported Media Type: Only 'application/json' is allowed");
    }
    if (kind === 'any_type') req.body = parseJson(await readBytes(req, res));
    else if (isJson(type)) req.body = parseJson(await readBytes(req, res), type);
    else if (hasBody(req)) throw unreadable(NOT_AN_OBJECT);
    next();
  };
}

function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined) return true;
  const mediaType = mediaTypeOf(contentType);
  return mediaType === 'application/json' || /^application\/.+\+json$/.test(mediaType);
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function mediaTypeOf(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase();
}

/** @returns undefined for no bytes. JSON is UTF-8; what is not is refused, never repaired. */
function parseJson(bytes: Buffer, contentType = ''): unknown {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1] ?? 'utf-8';
  if (!/^utf-?8$/i.test(charset)) throw unreadable('The request body must be UTF-8.');
  if (bytes.length === 0) return undefined;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw unreadable('The request body is not valid UTF-8.');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw unreadable('The request body is not valid JSON.');
  }
}

/** The whole body. One that is too large is refused as soon as that is known, and not read any further. */
async function readBytes(req: Request, res: Response): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) throw tooLarge();
  const body = decompressed(req);
  if (req.headers.expect !== undefined) res.writeContinue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (error: RequestError) => {
      body.removeAllListeners('data');
      req.unpipe().pause();
      if (body !== req) body.destroy();
      reject(error);
    };
    body.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > BODY_LIMIT_BYTES) stop(tooLarge());
      else chunks.push(chunk);
    });
    body.once('end', () => resolve(Buffer.concat(chunks, size)));
    body.on('error', () => stop(unreadable('The request body cannot be decompressed.')));
    req.once('close', () => {
      if (!req.complete) stop(unreadable('The request body is shorter than its Content-Length.'));
    });
  });
}

function decompressed(req: Request): Readable {
  const encoding = (req.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  switch (encoding) {
    case 'identity':
      return req;
    case 'gzip':
      return req.pipe(createGunzip());
    case 'deflate':
      return req.pipe(createInflate());
    case 'br':
      return req.pipe(createBrotliDecompress());
    default:
      throw unreadable('The content encoding of the request body is not supported.');
  }
}

function tooLarge(): RequestError {
  return new RequestError('body_too_large', `The request body is larger than ${BODY_LIMIT_BYTES} bytes.`);
}

function unreadable(message: string): RequestError {
  return new RequestError('bad_request', message);
}
