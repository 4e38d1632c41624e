import type { DecodeManager } from './decode-manager';
import type { PrefillManager } from './prefill-manager';
import type { PrefillPace } from './prefill-pace';
import type { PrefillItem } from './prefill-round';
import type { Request } from './request';
import type { RowTable } from './row-table';

/** What runs next; nothing where both are empty. */
export interface Batch {
  /** Prompts and pieces of prompts. */
  readonly items: readonly PrefillItem[];
  /** Holders of the first rows, each with memory for its next token. */
  readonly streams: readonly Request[];
}

/** Chooses between prompts and steps of streams. */
export class NextBatch {
  private lastWasPrefill = false;

  /** @param mixes whether both share a run */
  constructor(
    private readonly prefill: Pick<PrefillManager, 'next'>,
    private readonly decode: Pick<DecodeManager, 'runnable' | 'prepare'>,
    private readonly rows: Pick<RowTable, 'decoding'>,
    private readonly pace: Pick<PrefillPace, 'tokens'>,
    private readonly mixes: boolean,
  ) {}

  choose(now: number): Batch {
    return this.mixes ? this.together(now) : this.inTurn(now);
  }

  /** Each step of the streams has as much of the prompts in it as does not make them wait for long. */
  private together(now: number): Batch {
    if (this.decode.runnable) this.decode.prepare();
    const most = this.decode.runnable ? this.pace.tokens(this.rows.decoding.length) : Infinity;
    const items = this.prefill.next(now, most);
    // Not before now: the more urgent can have pushed some out.
    return { items, streams: [...this.rows.decoding] };
  }

  /** A prompt makes running streams wait for one batch of prefill at most: then they get a step. */
  private inTurn(now: number): Batch {
    const items = this.lastWasPrefill && this.decode.runnable ? [] : this.prefill.next(now);
    this.lastWasPrefill = items.length > 0;
    const streams = !this.lastWasPrefill && this.decode.runnable ? [...this.decode.prepare()] : [];
    return { items, streams };
  }
}
