import type { Response } from 'express';

/** How an API lays out the events of a stream. */
export interface StreamForm {
  readonly contentType: string;
  frame(event: object): string;
  /** What ends a stream; empty where its last event says so. */
  readonly closing: string;
}

const SSE_TYPE = 'text/event-stream; charset=utf-8';

/** Server-sent events without names, closed by `[DONE]`: SGLang's and OpenAI's. */
export const SSE: StreamForm = {
  contentType: SSE_TYPE,
  frame: (event) => `data: ${JSON.stringify(event)}\n\n`,
  closing: 'data: [DONE]\n\n',
};

/** Server-sent events that bear the name in their `type`. */
export const NAMED_SSE: StreamForm = {
  contentType: SSE_TYPE,
  frame: (event) => {
    const { type } = event as { readonly type: string };
    return `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
  },
  closing: '',
};

/** An object a line. */
export const NDJSON: StreamForm = {
  contentType: 'application/x-ndjson',
  frame: (event) => `${JSON.stringify(event)}\n`,
  closing: '',
};

/** A reply of events. Everything is a no-op once the client has gone. */
export class EventStream {
  /** Sends the head of the reply. */
  constructor(
    private readonly res: Response,
    private readonly form: StreamForm = SSE,
  ) {
    res.status(200);
    res.setHeader('content-type', form.contentType);
    res.setHeader('cache-control', 'no-cache');
    res.setHeader('x-accel-buffering', 'no');
    res.flushHeaders();
  }

  /** Sends one event; resolves when the client can take the next. */
  async send(event: object): Promise<void> {
    const { res } = this;
    if (res.closed || res.destroyed || res.write(this.form.frame(event))) return;
    await new Promise<void>((resolve) => {
      const settle = () => {
        res.off('drain', settle).off('close', settle);
        resolve();
      };
      res.on('drain', settle).on('close', settle);
    });
  }

  /** Sends what closes the stream and ends the reply. */
  end(): void {
    if (this.res.closed || this.res.destroyed) return;
    this.res.end(this.form.closing);
  }
}

/** Fires when the connection closes before the reply was handed over completely. */
export function disconnectSignal(res: Response): AbortSignal {
  const controller = new AbortController();
  const check = () => {
    if (!res.writableFinished) controller.abort();
  };
  if (res.closed) check();
  else res.once('close', check);
  return controller.signal;
}

/**
 * Works for a client for as long as it is there.
 * @param work told by its signal when the client leaves
 * @returns null when the client has left: nobody reads the answer, be it an error
 */
export async function untilGone<T>(
  res: Response,
  work: (gone: AbortSignal) => Promise<T>,
): Promise<T | null> {
  const gone = disconnectSignal(res);
  try {
    const result = await work(gone);
    return gone.aborted ? null : result;
  } catch (error) {
    if (gone.aborted) return null;
    throw error;
  }
}
