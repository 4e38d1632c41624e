import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const HEADER = 'x-request-id';
/** What may go into a header and a line of the log as it is. */
const SAFE = /^[\w.:/+=@~-]{1,128}$/;

/** Names a request, in the words of its client where it has given a name that is safe to repeat. The reply bears it. */
export function assignRequestId(req: IncomingMessage, res: ServerResponse): void {
  const given = req.headers[HEADER];
  res.setHeader(HEADER, typeof given === 'string' && SAFE.test(given) ? given : randomUUID());
}

/** The name of the request that this is the reply to. */
export function requestIdOf(res: ServerResponse): string {
  return String(res.getHeader(HEADER));
}
