import type { Response } from 'express';

/** A reply of server-sent events. Everything is a no-op once the client has gone. */
export class EventStream {
  /** Sends the head of the reply. */
  constructor(private readonly res: Response) {
    res.status(200);
    res.setHeader('content-type', 'text/event-stream; charset=utf-8');
    res.setHeader('cache-control', 'no-cache');
    res.setHeader('x-accel-buffering', 'no');
    res.flushHeaders();
  }

  /** Sends one event; resolves when the client can take the next. */
  async send(value: unknown): Promise<void> {
    await this.write(`data: ${JSON.stringify(value)}\n\n`);
  }

  /** Sends the closing event and ends the reply. */
  end(): void {
    if (this.res.closed || this.res.destroyed) return;
    this.res.end('data: [DONE]\n\n');
  }

  private async write(text: string): Promise<void> {
    const { res } = this;
    if (res.closed || res.destroyed || res.write(text)) return;
    await new Promise<void>((resolve) => {
      const settle = () => {
        res.off('drain', settle).off('close', settle);
        resolve();
      };
      res.on('drain', settle).on('close', settle);
    });
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
