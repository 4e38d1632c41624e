import { randomUUID } from 'node:crypto';
import { RequestError } from '../../core/errors';
import { logger } from '../../logging/logger';
import type { Place } from './place';
import { Session } from './session';
import { keptLength, type SessionParams } from './session-params';
import type { Turn } from './turn';

/** What a session is opened with. */
export interface OpenSession {
  /** null has the server choose one. */
  readonly id: string | null;
  readonly streaming: boolean;
  /** Seconds it may be idle; null for as long as there is room. */
  readonly timeout: number | null;
}

/** What all sessions may take. Beyond it those that were idle the longest are closed. */
export interface SessionLimits {
  readonly sessions: number;
  /** Tokens of four bytes. */
  readonly tokens: number;
}

export const SESSION_LIMITS: SessionLimits = { sessions: 4096, tokens: 2 ** 24 };

const SWEEP_MS = 1000;

/** The open sessions. A request of one is found its place by `find`, and takes it with `enter`; in between nothing changes. */
export class Sessions {
  private readonly byId = new Map<string, Session>();
  private sweeping: NodeJS.Timeout | null = null;

  /**
   * @param abort asks for the end of a request
   * @param now milliseconds, as `performance.now`
   */
  constructor(
    private readonly abort: (rid: string) => void,
    private readonly limits: SessionLimits = SESSION_LIMITS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * @returns the session's name
   * @throws RequestError for a name that is in use, and when all sessions there can be are busy
   */
  open({ id, streaming, timeout }: OpenSession): string {
    this.expire();
    const name = id ?? randomUUID().replaceAll('-', '');
    if (this.byId.has(name)) {
      throw new RequestError(
        'bad_value',
        'Failed to open the session. Check if a session with the same id is still open.',
        'session_id',
      );
    }
    this.makeRoom(this.limits.sessions - 1, null);
    const timeoutMs = timeout === null ? Infinity : timeout * 1000;
    this.byId.set(name, new Session(name, { streaming, timeoutMs }, this.now));
    if (timeout !== null) this.sweeping ??= setInterval(() => this.expire(), SWEEP_MS).unref();
    logger.log('info', `Session opened: ${name} (active=${this.byId.size})`);
    return name;
  }

  /** Its running requests go on; nothing can go on from them. An unknown name is only logged. */
  close(id: string): void {
    if (!this.byId.delete(id)) {
      logger.log('warning', `session id ${id} does not exist, cannot delete.`);
      return;
    }
    if (this.byId.size === 0) this.stop();
    logger.log('info', `Session closed: ${id} (active=${this.byId.size})`);
  }

  /** Closes the sessions that were idle for too long. */
  expire(): void {
    for (const { id, isExpired } of this.byId.values()) {
      if (!isExpired) continue;
      logger.log('info', `Session ${id} timed out, closing.`);
      this.close(id);
    }
  }

  /**
   * Finds what a request goes on from. One that still runs and is to be replaced is ended first.
   * @throws RequestError when there is no such session or request, or it cannot be gone on from
   */
  async find(params: SessionParams, gone: AbortSignal): Promise<Place> {
    const session = this.get(params.id);
    const parent = session.parentOf(params);
    if (parent?.isRunning) {
      this.abort(parent.rid);
      await parent.whenEnded(gone);
    }
    const { length, promptLength } = parent ?? { length: 0, promptLength: 0 };
    const kept = keptLength(params.dropPreviousOutput ? promptLength : length, params.offset);
    return { session, params, parent, kept };
  }

  /**
   * Makes a request's samples turns of its session.
   * @param promptIds the prompt, what it kept included
   * @throws RequestError when the place is gone, or there is no room for so many tokens
   */
  enter({ session, params, parent, kept }: Place, rids: readonly string[], promptIds: Int32Array): Turn[] {
    if (this.get(params.id) !== session) throw unknownSession(params.id);
    if (session.parentOf(params) !== parent) {
      throw new RequestError(
        'bad_value',
        'Invalid request session id: the session went on with another request meanwhile.',
        'session_params',
      );
    }
    this.makeRoom(this.limits.sessions, session);
    const dropped = params.replace ? session.clearBelow(parent) : [];
    const turns = session.add(rids, parent, Math.min(kept, promptIds.length), promptIds);
    for (const { rid } of dropped) this.abort(rid);
    return turns;
  }

  /** Closes all. */
  stop(): void {
    this.byId.clear();
    if (this.sweeping !== null) clearInterval(this.sweeping);
    this.sweeping = null;
  }

  private get(id: string): Session {
    this.expire();
    const session = this.byId.get(id);
    if (session === undefined) throw unknownSession(id);
    return session;
  }

  /** Closes idle sessions until there are at most so many, and their tokens within bounds. */
  private makeRoom(most: number, besides: Session | null): void {
    let tokens = 0;
    for (const { size } of this.byId.values()) tokens += size;
    if (this.byId.size <= most && tokens <= this.limits.tokens) return;
    const idle = [...this.byId.values()].filter((each) => each !== besides && each.idleSince !== null);
    idle.sort((a, b) => (a.idleSince ?? 0) - (b.idleSince ?? 0));
    for (const session of idle) {
      if (this.byId.size <= most && tokens <= this.limits.tokens) return;
      tokens -= session.size;
      logger.log('warning', `Session ${session.id} is closed to make room for others.`);
      this.close(session.id);
    }
    if (this.byId.size <= most && tokens <= this.limits.tokens) return;
    throw new RequestError('overloaded', 'There is no room for more sessions: close some, or wait.');
  }
}

function unknownSession(id: string): RequestError {
  return new RequestError('bad_value', `Invalid request: session id ${id} does not exist`, 'session_params');
}
