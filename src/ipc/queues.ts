import { Pull, Push } from 'zeromq';
import { decode, encode } from './codec';
import { isWellFormed } from './validate';

/**
 * One PUSH socket. Messages leave in order; `put` never blocks the caller. One writer loop per socket, because a socket
 * refuses a second `send` while one is pending.
 */
export class PushQueue<M extends { readonly type: string }> {
  private readonly socket = new Push({ linger: 1000, sendHighWaterMark: 0 });
  private readonly pending: Buffer[] = [];
  private writing: Promise<void> | null = null;

  constructor(
    endpoint: string,
    private readonly onError: (error: unknown) => void,
  ) {
    this.socket.connect(endpoint);
  }

  put(message: M): void {
    this.pending.push(encode(message));
    this.writing ??= this.drain();
  }

  /** Resolves when everything put so far has been handed to the socket. */
  async flush(): Promise<void> {
    await this.writing;
  }

  close(): void {
    this.socket.close();
  }

  private async drain(): Promise<void> {
    // `writing` must be set before it can be cleared: a closed socket refuses at once.
    await Promise.resolve();
    try {
      for (let next = this.pending.shift(); next !== undefined; next = this.pending.shift()) {
        await this.socket.send(next);
      }
    } catch (error) {
      this.onError(error);
    } finally {
      this.writing = null;
    }
  }
}

/** One bound PULL socket: a process's inbox. */
export class PullQueue<M extends { readonly type: string }> {
  private readonly socket = new Pull({ linger: 0, receiveHighWaterMark: 0 });

  private constructor(private readonly types: ReadonlySet<M['type']>) {}

  /** @param types the closed set of messages this inbox accepts */
  static async bind<M extends { readonly type: string }>(
    endpoint: string,
    types: readonly M['type'][],
  ): Promise<PullQueue<M>> {
    const queue = new PullQueue<M>(new Set(types));
    await queue.socket.bind(endpoint);
    return queue;
  }

  /**
   * Calls `handle` for each message until the queue is closed. What cannot be decoded or is malformed goes to `onInvalid` and is
   * dropped: one bad message must not stop the inbox.
   */
  async consume(handle: (message: M) => void, onInvalid: (error: unknown) => void): Promise<void> {
    for await (const [bytes] of this.socket) {
      let message: M;
      try {
        message = decode<M>(bytes as Buffer, this.types);
        if (!isWellFormed(message)) throw new Error(`malformed message of type ${message.type}`);
      } catch (error) {
        onInvalid(error);
        continue;
      }
      handle(message);
    }
  }

  close(): void {
    this.socket.close();
  }
}
