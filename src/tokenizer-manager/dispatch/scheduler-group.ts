import { bug } from '../../core/errors';
import type { EmbedMsg, GenerateMsg } from '../../ipc/messages';
import { chooseRank, type BalanceMethod } from './balance';
import { PrefixRecord, prefixesOf } from './prefix-record';
import type { SchedulerInbox, Schedulers } from './schedulers';

/** A request that was sent and has not ended. */
interface Sent {
  readonly scheduler: Member;
  readonly promptTokens: number;
  completionTokens: number;
}

/** One of the schedulers: what it has to do, counted by what was sent to it and what came back. */
interface Member {
  readonly inbox: SchedulerInbox;
  readonly prefixes: PrefixRecord;
  requests: number;
  tokens: number;
}

/** Several schedulers, each with a model, memory and a prefix cache of its own. */
export class SchedulerGroup implements Schedulers {
  private readonly members: readonly Member[];
  private readonly sent = new Map<string, Sent>();
  private turn = 0;

  /**
   * @param inboxes by rank
   * @param cacheTokens of each scheduler's prefix cache; 0 without one
   */
  constructor(
    readonly inboxes: readonly SchedulerInbox[],
    private readonly method: BalanceMethod,
    private readonly cacheTokens: number,
  ) {
    this.members = inboxes.map((inbox) => ({
      inbox,
      prefixes: new PrefixRecord(cacheTokens),
      requests: 0,
      tokens: 0,
    }));
  }

  open(message: GenerateMsg | EmbedMsg, pinned: number | null): number {
    const prefixes = this.prefixesOf(message);
    const rank = pinned ?? this.choose(prefixes);
    const scheduler = this.members[rank];
    if (scheduler === undefined) throw bug(`rank ${rank} of ${this.members.length}`);
    const promptTokens = message.inputIds.length;
    scheduler.prefixes.add(prefixes);
    scheduler.requests += 1;
    scheduler.tokens += promptTokens;
    this.sent.set(message.rid, { scheduler, promptTokens, completionTokens: 0 });
    scheduler.inbox.put(message);
    return rank;
  }

  advance(rid: string, completionTokens: number): void {
    const request = this.sent.get(rid);
    if (request === undefined) return;
    request.scheduler.tokens += completionTokens - request.completionTokens;
    request.completionTokens = completionTokens;
  }

  close(rid: string): void {
    const request = this.sent.get(rid);
    if (request === undefined) return;
    this.sent.delete(rid);
    request.scheduler.requests -= 1;
    request.scheduler.tokens -= request.promptTokens + request.completionTokens;
  }

  abort(rid: string): void {
    const request = this.sent.get(rid);
    // One that nobody knows any more may still be somewhere.
    const inboxes = request === undefined ? this.inboxes : [request.scheduler.inbox];
    for (const inbox of inboxes) inbox.put({ type: 'abort', rid });
  }

  flushed(): void {
    for (const { prefixes } of this.members) prefixes.clear();
  }

  private choose(prefixes: readonly number[]): number {
    const candidates = this.members.map(({ requests, tokens, prefixes: record }) => {
      return { requests, tokens, cached: record.matched(prefixes) };
    });
    const rank = chooseRank(this.method, candidates, this.turn);
    this.turn = (rank + 1) % this.members.length;
    return rank;
  }

  private prefixesOf(message: GenerateMsg | EmbedMsg): readonly number[] {
    const isKept = message.type === 'generate' && this.method === 'auto' && this.cacheTokens > 0;
    return isKept ? prefixesOf(message.inputIds, message.extraKey) : [];
  }
}
