import type { IncomingMessage, ServerResponse } from 'node:http';

/** Seconds after which a client may try again what there was no room or no server for. */
export const RETRY_AFTER_S = 1;
/** How long a client may go on sending a body that nobody reads, so that it comes to read the answer. */
const LINGER_MS = 2_000;

/**
 * Ends a reply with its whole body, also where the request's own body is still on its way and the connection is closed
 * afterwards: to cut it at once would reset it, and the answer would be lost before the client reads it.
 */
export function endReply(req: IncomingMessage, res: ServerResponse, body: string): void {
  // A client that was not told to go on may or may not send its body: no further request can be told from it.
  if (req.headers.expect !== undefined && !req.complete) res.setHeader('connection', 'close');
  res.setHeader('content-length', Buffer.byteLength(body));
  if (req.complete || res.getHeader('connection') !== 'close') {
    res.end(body);
    return;
  }
  res.write(body);
  const end = () => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  req.once('close', end).resume();
}
