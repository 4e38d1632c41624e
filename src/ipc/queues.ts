import { Pull, Push } from 'zeromq';
import { encode } from './codec';
import type { MessageTo, Receiver } from './messages';
import { receive, type InvalidMessage } from './receive';

/**
 * One PUSH socket. Messages leave in order; `put` never blocks the caller. What is put at one moment travels as one, so that
 * the texts of one request are there together. One writer loop per socket, because a socket refuses a second `send` while
 * one is pending.
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
      while (this.pending.length > 0) await this.socket.send(this.pending.splice(0));
    } catch (error) {
      this.onError(error);
    } finally {
      this.writing = null;
    }
  }
}

/** One bound PULL socket: a process's inbox. */
export class PullQueue<R extends Receiver> {
  private readonly socket = new Pull({ linger: 0, receiveHighWaterMark: 0 });

  private constructor(private readonly receiver: R) {}

  /** @param receiver whose messages this inbox accepts */
  static async bind<R extends Receiver>(receiver: R, endpoint: string): Promise<PullQueue<R>> {
    const queue = new PullQueue(receiver);
    await queue.socket.bind(endpoint);
    return queue;
  }

  /**
   * Calls `handle` for each message until the queue is closed. What cannot be decoded or is malformed is dropped, one bad
   * message must not stop the inbox; `onInvalid` gets what can be read of it, so that nobody waits for it in vain.
   */
  async consume(
    handle: (message: MessageTo<R>) => void,
    onInvalid: (invalid: InvalidMessage) => void,
  ): Promise<void> {
    for await (const parts of this.socket) {
      for (const bytes of parts) {
        const { message, invalid } = receive(this.receiver, bytes);
        if (message !== null) handle(message);
        if (invalid !== null) onInvalid(invalid);
      }
    }
  }

  close(): void {
    this.socket.close();
  }
}
