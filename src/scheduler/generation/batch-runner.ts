import { env } from '../../core/env';
import { DeviceLostError, bug, errorMessage, traceOf } from '../../core/errors';
import { abortedFor, NAN_HAPPENED } from '../../core/request';
import type { TopTokens } from '../../core/top-tokens';
import { logger } from '../../logging/logger';
import { NO_METRICS, type Recorder } from '../../metrics/recorder';
import type { ExtendItem, ModelRunner } from '../../model-runner/model-runner';
import type { TopWish } from '../../model-runner/top-rows';
import { positionLogprobs } from '../../sampling/logprobs';
import { hasRival } from '../../sampling/logit-row';
import { topHasRival, topLogprobs } from '../../sampling/top-tokens';
import { wishOf } from './top-wish';
import type { PrefillItem } from './prefill-round';
import { collectPromptLogprobs, pieceLength, wantedLogits } from './prompt-logprobs';
import type { Request } from './request';

/** So many of the tokens that a request has no keys and values of yet. */
export type Piece = Pick<PrefillItem, 'request' | 'tokens'>;

/** What the model says of a request's next token: its row of logits, or the front of the row where that is enough. */
type NextToken =
  | {
      readonly logits: Float32Array;
      /** The token of the largest logit, -1 where the row is void; null where nobody looked for it on the way. */
      readonly likeliest: number | null;
      readonly top: null;
    }
  | { readonly logits: null; readonly top: TopTokens };

/** What a model runner does for a batch. */
export type Runner = Pick<
  ModelRunner,
  'extend' | 'decode' | 'packs' | 'mixes' | 'likeliest' | 'tellsTop' | 'topTokens'
>;

/** What became of a draft. */
export interface Verification {
  /** Tokens of the draft, from its front, that are the request's now. */
  readonly accepted: number;
  /** Whether the last logits were too close to say what a step would draw: one must follow. */
  readonly isOpen: boolean;
}

/**
 * Computes batches and samples. It moves a request's lengths on and sets `finish`; where the request goes next is the
 * scheduler's business. An error inside a run ends the requests of that run, one in choosing a token ends that request:
 * never the process.
 */
export class BatchRunner {
  /** Batches finished since start. */
  forwardCount = 0;
  private busySince: number | null = null;

  constructor(
    private readonly runner: Runner,
    private readonly vocabSize: number,
    private readonly metrics: Recorder = NO_METRICS,
    /** Whether text that a grammar forces is taken over without asking the model. */
    private readonly jumpsForward = false,
    /** Log-probabilities of the model's own distribution in place of the temperature-scaled one. */
    private readonly originalLogprobs = env('SGLANG_RETURN_ORIGINAL_LOGPROB'),
    /** How far logits of a run of several tokens can be from those of steps: see `hasRival`. */
    private readonly rounding = () => 1e-4,
  ) {}

  /** Milliseconds the run in progress has taken; 0 when none is. */
  get busyMs(): number {
    return this.busySince === null ? 0 : performance.now() - this.busySince;
  }

  /** Whether pieces of prompts and steps of streams share a run. */
  get mixes(): boolean {
    return this.runner.mixes;
  }

  /** See `ModelRunner.packs`. */
  get packs(): boolean {
    return this.runner.packs;
  }

  /**
   * Computes the next tokens of a prompt, or of several at once (see `prefillGroups`). Where that completes a
   * prompt, the next output token is sampled.
   * @param meanwhile runs once the device is busy
   */
  async prefill(group: readonly PrefillItem[], meanwhile: () => void): Promise<void> {
    if (group.length === 1) await this.prefillPiece(group[0] as PrefillItem, meanwhile);
    else await this.together(group, 'extend', meanwhile);
  }

  /**
   * A step of the decode batch and pieces of prompts in one run. `streams[i]` holds row i, and the pieces' rows follow. Only where
   * `mixes`.
   */
  async mixed(
    streams: readonly Request[],
    group: readonly PrefillItem[],
    meanwhile: () => void,
  ): Promise<void> {
    await this.together([...streams.map(steps), ...group], 'mixed', meanwhile);
  }

  private async together(
    pieces: readonly Piece[],
    mode: 'extend' | 'decode' | 'mixed',
    meanwhile: () => void,
  ): Promise<void> {
    const requests = pieces.map(({ request }) => request);
    await this.guarded(requests, mode === 'decode' ? 'forward_decode' : 'forward_extend', async () => {
      const ending = pieces.filter(({ request, tokens }) => tokens === request.extendLen);
      const wish = this.wish(ending.map(({ request }) => request));
      const run = this.runner.extend(pieces.map(extendItem), mode, wish);
      meanwhile();
      await prepare(requests);
      const logits = await run;
      let row = 0;
      for (const { request, tokens } of pieces) {
        request.cachedLen += tokens;
        if (request.extendLen > 0) continue;
        const own = this.row(logits, row++);
        this.settle(request, () => {
          collectPromptLogprobs(request, [], NO_LOGITS, this.vocabSize);
          this.afterPrompt(request, own);
        });
      }
    });
  }

  private async prefillPiece({ request, tokens }: PrefillItem, meanwhile: () => void): Promise<void> {
    const end = request.cachedLen + tokens;
    await this.guarded([request], 'forward_extend', async () => {
      while (request.cachedLen < end) {
        const past = request.cachedLen;
        const count = pieceLength(request, end - past);
        const positions = wantedLogits(request, count);
        const ids = request.ids.view(past, past + count);
        const item = { row: request.row, past, ids, logitPositions: positions };
        const wish = request.missesPromptLogprobs ? null : this.wish([request]);
        const run = this.runner.extend([item], 'extend', wish);
        meanwhile();
        await prepare([request]);
        const logits = await run;
        collectPromptLogprobs(request, positions, logits, this.vocabSize);
        request.cachedLen += count;
        if (request.extendLen > 0) continue;
        this.settle(request, () => this.afterPrompt(request, this.row(logits, positions.length - 1)));
      }
    });
  }

  /** One more token for each of the first rows. `requests[i]` holds row i. */
  async decode(requests: readonly Request[], meanwhile: () => void): Promise<void> {
    const jumped = requests.some(({ extendLen }) => extendLen > 1);
    if (jumped && (this.packs || requests.length === 1)) {
      return this.together(requests.map(steps), 'decode', meanwhile);
    }
    await this.guarded(requests, 'forward_decode', async () => {
      for (const request of requests) await this.catchUp(request, requests.length);
      const ids = Int32Array.from(requests, (request) => request.ids.at(request.cachedLen));
      const lengths = Int32Array.from(requests, (request) => request.cachedLen);
      const run = this.runner.decode(ids, lengths, this.wish(requests));
      meanwhile();
      await prepare(requests);
      const logits = await run;
      requests.forEach((request, row) => {
        request.cachedLen += 1;
        if (request.extendLen > 0) return;
        this.settle(request, () => this.sample(request, this.row(logits, row)));
      });
    });
  }

  /**
   * Computes what is known of a request's tokens and a draft of the next ones in one run, and draws tokens one after the other as
   * steps would: the draft is accepted as far as it is what is drawn. Keys and values of the rest lie behind the request's end,
   * where its next tokens overwrite them.
   */
  async verify(request: Request, draft: Int32Array, meanwhile: () => void): Promise<Verification> {
    const { cachedLen: past, extendLen: known, row } = request;
    let isOpen = false;
    await this.guarded([request], 'forward_decode', async () => {
      const ids = new Int32Array(known + draft.length);
      ids.set(request.ids.view(past));
      ids.set(draft, known);
      const logitPositions = Array.from({ length: draft.length + 1 }, (_, i) => known - 1 + i);
      const wish = request.sampler.isPlain ? this.wish(logitPositions.map(() => request)) : null;
      const run = this.runner.extend([{ row, past, ids, logitPositions }], 'extend', wish);
      meanwhile();
      await prepare([request]);
      const logits = await run;
      request.cachedLen = past + known;
      while (request.extendLen === 0 && request.finish === null && !isOpen) {
        const next = this.row(logits, request.cachedLen - past - known);
        await prepare([request]);
        this.settle(request, () => (isOpen = !this.sample(request, next, true)));
        // What a run of several tokens has computed is as good as what a step would have, for as long as it is of these tokens.
        while (this.agrees(request, ids, past)) request.cachedLen += 1;
      }
      // The step that follows needs a token to compute.
      if (isOpen) request.cachedLen -= 1;
    });
    return { accepted: Math.max(0, request.cachedLen + Number(isOpen) - past - known), isOpen };
  }

  /** Whether the next token without keys and values is the one that a run over `ids` behind `past` tokens computed there. */
  private agrees(request: Request, ids: Int32Array, past: number): boolean {
    const { cachedLen, extendLen, finish } = request;
    return finish === null && extendLen > 0 && ids[cachedLen - past] === request.ids.at(cachedLen);
  }

  /** Computes what was jumped over, but for the last token, where that takes less than step by step with the others. */
  private async catchUp(request: Request, batchSize: number): Promise<void> {
    const count = request.extendLen - 1;
    if (count < batchSize) return;
    const { cachedLen: past, row } = request;
    const ids = request.ids.view(past, past + count);
    await this.runner.extend([{ row, past, ids, logitPositions: [] }]);
    request.cachedLen += count;
  }

  /** What a run must tell of rows that these requests draw from; null for all of it. */
  private wish(requests: readonly Request[]): TopWish | null {
    return this.runner.tellsTop ? wishOf(requests, this.vocabSize, this.originalLogprobs) : null;
  }

  /** A row of the run that has just ended. */
  private row(logits: Float32Array, row: number): NextToken {
    const top = this.runner.topTokens?.[row];
    if (top !== undefined) return { logits: null, top };
    return {
      logits: logits.subarray(row * this.vocabSize, (row + 1) * this.vocabSize),
      likeliest: this.runner.likeliest?.[row] ?? null,
      top: null,
    };
  }

  private afterPrompt(request: Request, next: NextToken): void {
    if (request.maxNewTokens > 0) {
      this.sample(request, next);
      return;
    }
    request.finish = { type: 'length', length: 0 };
    if (!request.isScored) return;
    if (next.logits === null) throw bug('a score of the front of a row');
    this.score(request, next.logits);
  }

  /** Reports what comes next without drawing it. */
  private score(request: Request, logits: Float32Array): void {
    const { logprobs, outputLogprobs } = request;
    if (!logprobs || !outputLogprobs) throw bug('a score without log-probabilities');
    const next = positionLogprobs(logits, null, logprobs);
    if (next.chosen === null && logprobs.tokenIds !== null) endWithoutToken(request, logits);
    else outputLogprobs.push(next);
  }

  /**
   * Draws the next token, or ends the request where there is none.
   * @param onlySure draws nothing where rounding could decide it, as it may differ from that of a step
   * @returns false where nothing was drawn for that reason
   */
  private sample(request: Request, next: NextToken, onlySure = false): boolean {
    return next.logits === null
      ? this.sampleTop(request, next.top, onlySure)
      : this.sampleRow(request, next.logits, next.likeliest, onlySure);
  }

  private sampleRow(
    request: Request,
    logits: Float32Array,
    likeliest: number | null,
    onlySure: boolean,
  ): boolean {
    const { logprobs, outputLogprobs, sampler } = request;
    const original = logprobs && this.originalLogprobs ? logits.slice() : null;
    const drawn = sampler.sample(logits, likeliest);
    if (drawn < 0) {
      endWithoutToken(request, logits);
      return true;
    }
    if (onlySure && sampler.greedy && hasRival(logits, drawn, this.rounding())) return false;
    const id = request.foreseen.shift() ?? drawn;
    if (logprobs && outputLogprobs) {
      const temperature = original ? 1 : sampler.logprobTemperature;
      outputLogprobs.push(positionLogprobs(original ?? logits, id, logprobs, temperature));
    }
    this.append(request, id);
    return true;
  }

  private sampleTop(request: Request, top: TopTokens, onlySure: boolean): boolean {
    const { logprobs, outputLogprobs, sampler } = request;
    const id = sampler.choose(top);
    if (onlySure && sampler.greedy && topHasRival(top, this.rounding())) return false;
    if (logprobs && outputLogprobs) {
      outputLogprobs.push(topLogprobs(top, id, logprobs.topNum, sampler.logprobTemperature));
    }
    this.append(request, id);
    return true;
  }

  private append(request: Request, id: number): void {
    request.append(id);
    if (this.jumpsForward) request.jumpForward();
  }

  /** Does the work of one request on its own logits; what it throws ends that request alone. */
  private settle(request: Request, work: () => void): void {
    try {
      work();
    } catch (error) {
      fail([request], error);
    }
  }

  /** Runs `work`; what it throws becomes the end of `requests`. */
  private async guarded(
    requests: readonly Request[],
    category: 'forward_extend' | 'forward_decode',
    work: () => Promise<void>,
  ): Promise<void> {
    const startedAt = performance.now();
    this.busySince = startedAt;
    try {
      await work();
    } catch (error) {
      if (error instanceof DeviceLostError) throw error;
      for (const request of requests) request.kvValid = false;
      fail(requests, error);
    } finally {
      this.busySince = null;
      this.forwardCount += 1;
      const seconds = (performance.now() - startedAt) / 1000;
      this.metrics.record('forward_execution_seconds_total', seconds, { category });
    }
  }
}

const NO_LOGITS = new Float32Array(0);

/** What a step computes of a stream: the token that was drawn last, and what was jumped over. */
function steps(request: Request): Piece {
  return { request, tokens: request.extendLen };
}

/** A piece for the model; the last of a request's tokens gives logits. */
function extendItem({ request, tokens }: Piece): ExtendItem {
  const { cachedLen: past, extendLen, row } = request;
  const logitPositions = tokens === extendLen ? [tokens - 1] : [];
  return { row, past, ids: request.ids.view(past, past + tokens), logitPositions };
}

/** What samplers can do before the logits are there: one after the other, as they would on one thread anyhow, so that each can be timed. */
async function prepare(requests: readonly Request[]): Promise<void> {
  for (const { sampler } of requests) {
    const preparing = sampler.prepare();
    if (preparing !== null) await preparing;
  }
}

/** Ends a request for which no token can be chosen: the model gave NaN, or all tokens are ruled out. */
function endWithoutToken(request: Request, logits: Float32Array): void {
  if (!logits.some(Number.isNaN)) {
    request.finish = abortedFor(
      400,
      'No token is left to choose from: logit_bias, stop tokens before min_new_tokens, or the grammar rule out all of them.',
    );
    return;
  }
  request.kvValid = false;
  request.finish = { type: 'stop', matched: NAN_HAPPENED };
  logger.error(
    `Request ${request.rid} met NaN in the logits of output token ${request.outputLen + 1} and ends with ` +
      `"${NAN_HAPPENED}": the weights are damaged, or the computation overflows. ` +
      '(Logits are always looked at; --enable-nan-detection adds nothing.)',
  );
}

function fail(requests: readonly Request[], error: unknown): void {
  logger.error(`Forward pass failed: ${traceOf(error)}`);
  for (const request of requests) {
    request.finish ??= abortedFor(500, `The forward pass failed: ${errorMessage(error)}`);
  }
}
