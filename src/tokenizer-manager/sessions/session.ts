import { RequestError } from '../../core/errors';
import type { FinishReason } from '../../core/request';
import type { SessionParams } from './session-params';
import { Turn } from './turn';
import { TurnTree } from './turn-tree';

export interface SessionOptions {
  /** Whether each request goes on from the last one that succeeded, one at a time; else each says from which it goes on. */
  readonly streaming: boolean;
  /** How long it may be idle, in milliseconds; Infinity for as long as there is room. */
  readonly timeoutMs: number;
}

/** Requests that go on from each other. It holds their tokens; keys and values are the prefix cache's. */
export class Session {
  /** The scheduler that ran its last request, and has its prefixes; null before the first. */
  rank: number | null = null;
  private readonly tree = new TurnTree();
  private running = 0;
  /** The last turn of a streaming session that succeeded. */
  private last: Turn | null = null;

  /** @param usedAt when it was opened, by `performance.now()` */
  constructor(
    readonly id: string,
    private readonly options: SessionOptions,
    private readonly now: () => number,
    private usedAt = now(),
  ) {}

  /** What its turns take, counted in tokens. */
  get size(): number {
    return this.tree.size;
  }

  /** When it was last used, by `performance.now()`; null while a request of it runs. */
  get idleSince(): number | null {
    return this.running > 0 ? null : this.usedAt;
  }

  get isExpired(): boolean {
    return this.idleSince !== null && this.now() - this.idleSince > this.options.timeoutMs;
  }

  /**
   * The turn that a request goes on from, null for none. It changes nothing.
   * @throws RequestError when there is none such, or when it cannot be gone on from
   */
  parentOf(params: SessionParams): Turn | null {
    if (this.options.streaming) return this.lastFor(params);
    if (params.rid === null) return null;
    const turn = this.tree.get(params.rid);
    if (turn === null) refuse(`Invalid request session id: the session has no request ${params.rid}.`);
    if (turn.isRunning && !params.replace) {
      refuse("Session request is appending to a request that hasn't finished.");
    }
    return turn;
  }

  private lastFor({ replace, dropPreviousOutput, offset }: SessionParams): Turn | null {
    if (this.running > 0) refuse('Streaming session already has an active request.');
    if (replace) refuse('Streaming sessions do not support replace.');
    if (dropPreviousOutput) refuse('Streaming sessions do not support drop_previous_output.');
    if (offset !== null && offset !== 0) refuse('Streaming sessions do not support offset.');
    return this.last;
  }

  /**
   * Takes a request's samples in.
   * @param kept tokens at the front of the prompt that are those of the parent's context
   * @throws RequestError where there are more of them than can be gone on from
   */
  add(rids: readonly string[], parent: Turn | null, kept: number, promptIds: Int32Array): Turn[] {
    if (this.options.streaming && rids.length > 1) refuse('Streaming sessions do not support n > 1.');
    const ids = promptIds.slice(kept);
    const turns = rids.map((rid) => new Turn(this, rid, parent, kept, ids));
    for (const turn of turns) this.tree.add(turn);
    this.running += turns.length;
    this.usedAt = this.now();
    return turns;
  }

  /** Takes out what went on from a turn, or everything. @returns what of it still runs */
  clearBelow(parent: Turn | null): Turn[] {
    return this.tree.removeBelow(parent).filter((turn) => turn.isRunning);
  }

  grown(turn: Turn, tokens: number): void {
    this.tree.grown(turn, tokens);
  }

  ended(turn: Turn, finish: FinishReason): void {
    this.running -= 1;
    this.usedAt = this.now();
    if (!this.isKept(turn, finish)) this.tree.remove(turn);
    else if (this.options.streaming) this.last = turn;
  }

  /** What was refused before it ran is no part of a conversation. What was cut off can be gone on from, if it is named. */
  private isKept(turn: Turn, finish: FinishReason): boolean {
    if (finish.type !== 'abort') return true;
    if (this.options.streaming) return false;
    return finish.status_code == null || turn.length > turn.promptLength;
  }
}

function refuse(message: string): never {
  throw new RequestError('bad_value', message);
}
