import { bug, clientLeft } from '../../core/errors';
import type { FinishReason } from '../../core/request';
import type { Session } from './session';

/** What a turn without any tokens takes, counted in tokens of four bytes. */
const OVERHEAD = 128;

/**
 * One request of a session: what its prompt took from the turn that it went on from, what it added to it, and what was
 * generated. Turns share what they have in common: a session is as large as what was said in it.
 */
export class Turn {
  /** Turns that went on from this one. */
  readonly children = new Set<Turn>();
  private output: number[] | Int32Array = [];
  private ended = false;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly session: Session,
    readonly rid: string,
    readonly parent: Turn | null,
    /** Tokens at the front of the prompt that are those of the parent's context. */
    private readonly kept: number,
    /** The rest of the prompt. */
    private readonly ids: Int32Array,
  ) {
    if (kept > (parent?.length ?? 0)) throw bug(`${kept} tokens kept of a shorter context`);
  }

  get promptLength(): number {
    return this.kept + this.ids.length;
  }

  /** Prompt and output. */
  get length(): number {
    return this.promptLength + this.output.length;
  }

  /** What it takes of its own. */
  get size(): number {
    return this.ids.length + this.output.length + OVERHEAD;
  }

  get isRunning(): boolean {
    return !this.ended;
  }

  /** The first tokens of prompt and output. */
  context(length: number): Int32Array {
    const context = new Int32Array(length);
    let missing = this.copyTo(context, length);
    for (let turn = this.parent; missing > 0; turn = turn.parent) {
      if (turn === null) throw bug('a context longer than its turns');
      missing = turn.copyTo(context, missing);
    }
    return context;
  }

  /** Copies what the turn itself added to the first `length` tokens. @returns how many of them are from before it */
  private copyTo(context: Int32Array, length: number): number {
    const { promptLength, kept } = this;
    if (length > promptLength) context.set(this.output.slice(0, length - promptLength), promptLength);
    if (length > kept) context.set(this.ids.subarray(0, length - kept), kept);
    return Math.min(length, kept);
  }

  /** What was generated since the last call, and the end if it is that. */
  add(newIds: Int32Array, finish: FinishReason | null): void {
    if (this.ended) return;
    const { output } = this;
    if (output instanceof Int32Array) throw bug('an output of a turn that has ended');
    for (const id of newIds) output.push(id);
    this.session.grown(this, newIds.length);
    if (finish === null) return;
    this.ended = true;
    this.output = Int32Array.from(output);
    this.session.ended(this, finish);
    for (const wake of [...this.waiting]) wake();
  }

  /** @throws RequestError when the client left before */
  whenEnded(gone: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.ended) return resolve();
      const settle = () => {
        this.waiting.delete(settle);
        gone.removeEventListener('abort', settle);
        if (this.ended) resolve();
        else reject(clientLeft());
      };
      this.waiting.add(settle);
      gone.addEventListener('abort', settle);
      if (gone.aborted) settle();
    });
  }
}
