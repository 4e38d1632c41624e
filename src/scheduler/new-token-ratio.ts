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
  constructor(conservativeness: number, env: NodeJS.ProcessEnv = process.env) {
    const read = (name: string, fallback: number) => Number(env[name] ?? fallback);
    this.initial = Math.min(read('SGLANG_INIT_NEW_TOKEN_RATIO', 0.7) * conservativeness, 1);
    this.minimum = this.initial * read('SGLANG_MIN_NEW_TOKEN_RATIO_FACTOR', 0.14);
    this.decay = (this.initial - this.minimum) / read('SGLANG_NEW_TOKEN_RATIO_DECAY_STEPS', 600);
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
