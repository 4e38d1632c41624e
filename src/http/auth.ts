import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import type { ServerArgs } from '../server-args/server-args';

/**
 * Who may call a route:
 * - `open`: everybody
 * - `normal`: holders of the API key, where one is set
 * - `admin_optional`: holders of the admin key; of the API key where no admin key is set
 * - `admin_force`: holders of the admin key only; nobody where none is set
 */
export type AuthLevel = 'open' | 'normal' | 'admin_optional' | 'admin_force';

export type Keys = Pick<ServerArgs, 'apiKey' | 'adminApiKey'>;

export interface Caller {
  readonly method: string;
  readonly path: string;
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
}

const OPEN_PREFIXES = ['/health', '/metrics'];

/** @returns the status to refuse with, or null when the caller may pass */
export function refusalStatus(level: AuthLevel, keys: Keys, caller: Caller): 401 | 403 | null {
  if (level === 'open' || caller.method === 'OPTIONS') return null;
  if (OPEN_PREFIXES.some((prefix) => caller.path.startsWith(prefix))) return null;
  if (level === 'admin_force' && keys.adminApiKey === null) return 403;
  const key = level === 'normal' ? keys.apiKey : (keys.adminApiKey ?? keys.apiKey);
  return key === null || bearsKey(caller.authorization, key) ? null : 401;
}

/** Lets a request pass only if its caller may call a route of this level. */
export function authenticate(level: AuthLevel, keys: Keys): RequestHandler {
  return (req, res, next) => {
    const { method, path, headers } = req;
    const status = refusalStatus(level, keys, { method, path, authorization: headers.authorization });
    if (status === null) return next();
    res.status(status).json({ error: status === 401 ? 'Unauthorized' : 'Forbidden' });
  };
}

/** Digests have one length, so comparing them tells nothing about the key, not even its length. */
function bearsKey(authorization: string | undefined, key: string): boolean {
  const [, token] = /^bearer +(.+)$/i.exec(authorization ?? '') ?? [];
  return token !== undefined && timingSafeEqual(sha256(token), sha256(key));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
