import type { SamplingParams } from '../core/request';

/** The tokens of one request that its penalties look back at. */
export class Penalties {
  /** How often each token was generated. */
  private readonly generated = new Map<number, number>();
  /** Tokens of prompt and output. */
  private readonly seen: Set<number>;
  private readonly onOutput: boolean;
  private readonly onRepetition: boolean;

  constructor(
    private readonly params: SamplingParams,
    promptIds: Int32Array,
  ) {
    this.onOutput = params.frequencyPenalty !== 0 || params.presencePenalty !== 0;
    this.onRepetition = params.repetitionPenalty !== 1;
    this.seen = new Set(this.onRepetition ? promptIds : []);
  }

  observe(id: number): void {
    if (this.onOutput) this.generated.set(id, (this.generated.get(id) ?? 0) + 1);
    if (this.onRepetition) this.seen.add(id);
  }

  /**
   * Lowers the logits in place: first frequency and presence penalty, of what was generated; then the repetition
   * penalty, of prompt and output, which divides positive and multiplies negative logits.
   */
  apply(logits: Float32Array): void {
    const { frequencyPenalty, presencePenalty, repetitionPenalty } = this.params;
    for (const [id, count] of this.generated) {
      logits[id]! -= count * frequencyPenalty + presencePenalty;
    }
    for (const id of this.seen) {
      const logit = logits[id]!;
      logits[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    }
  }
}
