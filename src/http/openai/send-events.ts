import type { Response } from 'express';
import { dialectOf } from '../dialect';
import { toRequestError } from '../error-handler';
import { EventStream } from '../sse';

/**
 * Sends events as a stream. The head of the reply waits for the first of them, so that what is refused before is an error reply
 * with its own status; a failure after that is an event of the stream.
 * @param gone fires when the client has left
 * @param where for the log
 */
export async function sendEvents(
  events: AsyncGenerator<object>,
  { res, gone, where }: { readonly res: Response; readonly gone: AbortSignal; readonly where: string },
): Promise<void> {
  let next = await events.next();
  if (gone.aborted) return;
  const stream = new EventStream(res);
  try {
    for (; !next.done; next = await events.next()) await stream.send(next.value);
  } catch (error) {
    if (gone.aborted) return;
    await stream.send(dialectOf(res).errorEvent(toRequestError(error, where)));
  }
  stream.end();
}
