import { env } from '../../core/env';
import { abortedFor, type FinishReason } from '../../core/request';
import { logger } from '../../logging/logger';
import type { KvLedger } from '../kv/kv-ledger';
import type { NewTokenRatio } from './new-token-ratio';
import type { Request } from './request';
import type { RequestMemory } from './request-memory';
import { retractionOrder } from './retraction';
import type { RowTable } from './row-table';

const OUT_OF_MEMORY = abortedFor(
  500,
  'The KV cache is full and no other request can be retracted. Increase --max-total-tokens.',
);

/** Sees to it that every decoding request has room for its next token. */
export class DecodeManager {
  private readonly stepsAhead = env('SGLANG_RETRACT_DECODE_STEPS');
  private readonly testInterval = env('SGLANG_TEST_RETRACT') ? env('SGLANG_TEST_RETRACT_INTERVAL') : 0;
  private steps = 0;

  constructor(
    private readonly rows: RowTable,
    private readonly memory: RequestMemory,
    private readonly ledger: KvLedger,
    private readonly ratio: NewTokenRatio,
    private readonly retract: (request: Request) => void,
    private readonly abort: (request: Request, reason: FinishReason) => void,
  ) {}

  get runnable(): boolean {
    return this.rows.decoding.length > 0;
  }

  /** Reserves the next token of every decoding request; retracts some when memory does not suffice for all. */
  prepare(): readonly Request[] {
    this.steps += 1;
    const forced =
      this.testInterval > 0 && this.steps % this.testInterval === 0 && this.rows.decoding.length > 1;
    if (forced || this.missing() > this.ledger.available) this.makeRoom(forced);
    for (const request of this.rows.decoding) this.memory.grow(request, request.length);
    this.ratio.afterDecode();
    return this.rows.decoding;
  }

  private missing(): number {
    return this.rows.decoding.reduce(
      (sum, request) => sum + Math.max(0, this.memory.missingSlots(request, request.length)),
      0,
    );
  }

  private makeRoom(forced: boolean): void {
    const before = { available: this.ledger.available, ratio: this.ratio.current };
    let retracted = 0;
    let force = forced;
    while (force || this.missing() > this.ledger.available) {
      const victim = this.victim();
      if (!victim) {
        this.abort(this.rows.decoding[0] as Request, OUT_OF_MEMORY);
        break;
      }
      this.retract(victim);
      retracted += 1;
      force = false;
    }
    if (retracted === 0) return;
    const after = this.ratio.afterRetraction(this.rows.decoding, this.stepsAhead);
    logger.log(
      'warning',
      `KV cache pool is full. Retract requests. #retracted_reqs: ${retracted}, ` +
        `#new_tokens_gained: ${this.ledger.available - before.available}, ` +
        `#new_token_ratio: ${before.ratio.toFixed(4)} -> ${after.toFixed(4)}`,
    );
  }

  /** The next to give up its row: the last decoding request goes only after every half-computed prompt. */
  private victim(): Request | undefined {
    const { decoding, prefilling } = this.rows;
    return decoding.length > 1 ? retractionOrder(decoding)[0] : prefilling.at(-1);
  }
}
