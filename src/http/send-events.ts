import type { Response } from 'express';
import { dialectOf } from './dialect';
import { toRequestError } from './error-handler';
import { EventStream, SSE, type StreamForm } from './event-stream';

export interface Recipient {
  readonly res: Response;
  /** Fires when the client has left. */
  readonly gone: AbortSignal;
  /** For the log. */
  readonly where: string;
  /** Absent for SGLang's and OpenAI's. */
  readonly form?: StreamForm;
}

/**
 * Sends events as a stream. The head of the reply waits for the first of them, so that what is refused before is an error reply
 * with its own status; a failure after that is an event of the stream.
 */
export async function sendEvents(
  events: AsyncGenerator<object>,
  { res, gone, where, form = SSE }: Recipient,
): Promise<void> {
  let next = await events.next();
  if (gone.aborted) return;
  const stream = new EventStream(res, form);
  try {
    for (; !next.done; next = await events.next()) await stream.send(next.value);
  } catch (error) {
    if (gone.aborted) return;
    await stream.send(dialectOf(res).errorEvent(toRequestError(error, where)));
  }
  stream.end();
}
