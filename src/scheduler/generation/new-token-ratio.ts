import { env, type EnvSource } from '../../core/env';

/**
 * The share of a running request's remaining tokens that admission keeps room for. It starts cautious, decays while
 * decoding goes well, and is set anew when requests had to be retracted.
 */
export class NewTokenRatio {
  private readonly initial: number;
  private readonly minimum: number;
  private readonly decay: number;
  private value: number;

  /** @param conservativeness scales the initial ratio */
  constructor(conservativeness: number, source?: EnvSource) {
    this.initial = Math.min(env('SGLANG_INIT_NEW_TOKEN_RATIO', source) * conservativeness, 1);
    this.minimum = this.initial * env('SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR', source);
    this.decay = (this.initial - this.minimum) / env('SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS', source);
    this.value = this.initial;
  }

  get current(): number {
    return this.value;
  }

  afterDecode(): void {
    this.value = Math.max(this.value - this.decay, this.minimum);
  }

  whenIdle(): void {
    this.value = this.initial;
  }

  /** @returns the new ratio, estimated from the requests that go on */
  afterRetraction(
    running: readonly { outputLen: number; maxNewTokens: number }[],
    stepsAhead: number,
  ): number {
    const generated = running.reduce((sum, request) => sum + request.outputLen, 0);
    const total = running.reduce((sum, request) => sum + request.maxNewTokens, 0);
    this.value = Math.min((generated + stepsAhead * running.length) / (total + 1), 1);
    return this.value;
  }
}
