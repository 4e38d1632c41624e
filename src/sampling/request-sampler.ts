import { GREEDY_BELOW, type SamplingParams } from '../core/request';
import { bug } from '../core/errors';
import type { GrammarMatcher } from '../core/grammar';
import type { TopTokens } from '../core/top-tokens';
import { GrammarMask } from './grammar-mask';
import { LogitRow, argmax } from './logit-row';
import { processorsOf, type LogitsProcessor } from './logits-processors';
import { uniform } from './philox';
import { rankCut } from './selection';
import { drawAny, drawTop, endsAt, isSound, keptOf } from './top-tokens';
import type { Thoughts } from './thoughts';
import { KEEP_ALL, drawToken, stepsPerLogit, stricter, type Cut } from './token-mass';

/**
 * Chooses the tokens of one request. A token is a function of the row of logits, the parameters, the seed, and the
 * tokens before it, and of nothing else: not of the batch, nor of how often the request was retracted.
 *
 * A row is shaped by the request's logits processors, one after the other, and by its grammar where that does not wait for the
 * end of thoughts. Then, unless greedy: division by the
 * temperature, softmax, top-k, top-p, min-p, each of which looks at the probabilities of the whole vocabulary, and the
 * draw.
 */
export class RequestSampler {
  private readonly state = {
    generated: 0,
    allowsOnly: (ids: readonly number[]) => this.grammarNow?.allowsOnly(ids) ?? false,
  };
  private grammar: GrammarMask | null = null;
  private readonly processors: readonly LogitsProcessor[];

  /**
   * @param vocabSize length of the rows
   * @param seed of the request's own generator; the scheduler draws one for requests without
   * @param sample tells requests of one seed apart that are samples of one prompt
   * @param thoughts null where the model does not think before it answers, or nobody needs to know
   */
  constructor(
    private readonly params: SamplingParams,
    private readonly vocabSize: number,
    promptIds: Int32Array,
    private readonly seed: number,
    private readonly sampleIndex = 0,
    private readonly thoughts: Thoughts | null = null,
  ) {
    this.processors = processorsOf(params, promptIds);
  }

  /** Whether the likeliest token is always taken: temperature 0, or top-k 1. */
  get greedy(): boolean {
    return this.params.temperature < GREEDY_BELOW || this.params.topK === 1;
  }

  /** What logits are divided by before they become log-probabilities: 1 for greedy requests. */
  get logprobTemperature(): number {
    return this.greedy ? 1 : this.params.temperature;
  }

  /** Tokens in which the model thought. */
  get reasoningTokens(): number {
    return this.thoughts?.tokens ?? 0;
  }

  /** Holds the output to a grammar, from its first token on or that after the thoughts. @param matcher is the sampler's from here on */
  constrain(matcher: GrammarMatcher): void {
    if (this.grammar !== null || this.state.generated > 0) throw bug('a sampler constrained late');
    this.grammar = new GrammarMask(matcher);
  }

  /** Whether the request's grammar has come to its end. */
  get isTerminated(): boolean {
    return this.grammar?.isTerminated ?? false;
  }

  /**
   * Gets ready for `sample`, which it must precede; null where there is nothing to do. It needs no logits, so that it can be
   * done while they are computed.
   */
  prepare(): Promise<void> | null {
    return this.grammarNow?.prepare() ?? null;
  }

  /** Frees what the sampler holds outside of JavaScript's memory; the last call. */
  dispose(): void {
    this.grammar?.dispose();
    this.grammar = null;
  }

  /**
   * Shapes the row in place (all but the temperature) and chooses a token.
   * @param logits one row, `vocabSize` long; afterwards what log-probabilities are to be computed from
   * @param likeliest the token of the largest, or -1 when the row is void, where somebody has looked for it
   * @returns the token, or -1 when the row is void: a logit is NaN, or all are -Infinity
   */
  sample(logits: Float32Array, likeliest: number | null = null): number {
    if (logits.length !== this.vocabSize)
      throw bug(`a row of ${logits.length} logits, not ${this.vocabSize}`);
    if (likeliest !== null && this.greedy && this.mayTakeTop) return likeliest;
    for (const processor of this.processors) processor.apply(logits, this.state);
    this.applyGrammar(logits);
    this.thoughts?.apply(logits);
    return this.greedy ? argmax(logits) : this.draw(logits);
  }

  /** Whether nothing ever shapes a row. */
  get isPlain(): boolean {
    return this.processors.length === 0 && this.grammar === null && this.thoughts === null;
  }

  /** Whether the next token may be chosen of what a device tells of its row. */
  get mayTakeTop(): boolean {
    return this.processors.length === 0 && this.grammarNow === null && this.thoughts?.limits !== true;
  }

  /** The request's own random number, in [0, 1), for the token that comes `ahead` tokens after the next. */
  uniform(ahead = 0): number {
    return uniform(this.seed, this.state.generated + ahead, this.sampleIndex);
  }

  /** Whether `choose` can tell the token that comes `ahead` tokens after the next, as `sample` would of the whole row. Only where `mayTakeTop`. */
  decides(top: TopTokens, ahead = 0): boolean {
    return isSound(top) && this.chosenOf(top, ahead) !== null;
  }

  /** As `sample`, of what decides. */
  choose(top: TopTokens): number {
    const id = this.chosenOf(top, 0);
    if (id === null) throw bug('a token chosen of what does not tell it');
    return id;
  }

  /** Tells the sampler about a generated token, in order. The sampler lives as long as its request: no token twice. */
  observe(id: number): void {
    this.state.generated++;
    for (const processor of this.processors) processor.observe?.(id);
    const { grammarNow, thoughts } = this;
    const begins = id === thoughts?.opening && (thoughts.isOpeningUnmistakable || !grammarNow?.allows(id));
    thoughts?.observe(id, begins);
    if (!begins) grammarNow?.observe(id);
  }

  /** Tokens that come next whatever the logits say; none where that is not known, or something might still change them. */
  forced(): readonly number[] {
    const { minNewTokens, logitBias } = this.params;
    if (this.state.generated < minNewTokens || logitBias.length > 0 || this.thoughts?.opening != null)
      return [];
    return this.grammarNow?.forced() ?? [];
  }

  private chosenOf(top: TopTokens, ahead: number): number | null {
    const { topK, topP, minP, temperature } = this.params;
    if (this.greedy) return endsAt(top, 1, this.vocabSize) ? top.ids[0]! : null;
    const u = this.uniform(ahead);
    if (topK === -1 && topP === 1 && minP === 0) return drawAny(top, u);
    const kept = keptOf(top, this.params, this.vocabSize);
    return kept === null ? null : drawTop(top, kept, temperature, u);
  }

  /** The grammar if it holds for the next token. */
  private get grammarNow(): GrammarMask | null {
    return this.thoughts?.isGrammarAsleep === true ? null : this.grammar;
  }

  private applyGrammar(logits: Float32Array): void {
    const opening = this.thoughts?.opening ?? -1;
    const kept = logits[opening];
    this.grammarNow?.apply(logits);
    if (kept !== undefined) logits[opening] = kept;
  }

  private draw(logits: Float32Array): number {
    const row = new LogitRow(logits);
    if (row.isVoid) return -1;
    if (row.max === Infinity) return argmax(logits);
    const scale = stepsPerLogit(this.params.temperature);
    return drawToken(row, scale, this.cut(row, scale), this.uniform());
  }

  /** What top-k, top-p and min-p keep together. */
  private cut(row: LogitRow, scale: number): Cut {
    const { topK, topP, minP, temperature } = this.params;
    const limited = topK !== -1 && topK < this.vocabSize;
    const byRank = limited || topP < 1 ? rankCut(row, scale, limited ? topK : Infinity, topP) : KEEP_ALL;
    // A probability of at least minP times the largest one, said in logits.
    const byProbability =
      minP > 0 ? { value: row.max + temperature * Math.log(minP), lastIndex: Infinity } : KEEP_ALL;
    return stricter(byRank, byProbability);
  }
}
