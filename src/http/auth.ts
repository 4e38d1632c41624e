import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { RequestError } from '../core/errors';
import type { ServerArgs } from '../server-args/server-args';

/**
 * Who may call a route:
 * - `open`: everybody
 * - `normal`: holders of the API key, where one is set
 * - `admin_optional`: holders of the admin key; of the API key where no admin key is set
 */
export type AuthLevel = 'open' | 'normal' | 'admin_optional';

export type Keys = Pick<ServerArgs, 'apiKey' | 'adminApiKey'>;

export interface Caller {
  readonly method: string;
  readonly path: string;
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** A key in a header of its own, where the route reads one. */
  readonly ownKey?: string | undefined;
}

const OPEN_PREFIXES = ['/health', '/metrics'];

/** Whether the caller may call a route of this level. */
export function mayCall(level: AuthLevel, keys: Keys, caller: Caller): boolean {
  if (level === 'open' || caller.method === 'OPTIONS') return true;
  if (OPEN_PREFIXES.some((prefix) => caller.path.startsWith(prefix))) return true;
  const key = level === 'normal' ? keys.apiKey : (keys.adminApiKey ?? keys.apiKey);
  if (key === null) return true;
  const [, token] = /^bearer +(.+)$/is.exec(caller.authorization ?? '') ?? [];
  return [token, caller.ownKey].some((given) => given !== undefined && isKey(given, key));
}

/**
 * Lets a request pass only if its caller may call a route of this level.
 * @param keyHeader where clients of the route send the key, beside `Authorization`
 */
export function authenticate(level: AuthLevel, keys: Keys, keyHeader?: string): RequestHandler {
  return ({ method, path, headers }, _res, next) => {
    const [ownKey] = [keyHeader === undefined ? undefined : headers[keyHeader]].flat();
    if (mayCall(level, keys, { method, path, authorization: headers.authorization, ownKey })) return next();
    throw new RequestError('unauthorized', 'Unauthorized');
  };
}

/**
 * Compares bytes: the header, of which Node makes one character a byte, with the key in UTF-8. Digests have one length, so
 * that the comparison tells nothing about the key, not even its length.
 */
function isKey(given: string, key: string): boolean {
  return timingSafeEqual(sha256(Buffer.from(given, 'latin1')), sha256(Buffer.from(key)));
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
