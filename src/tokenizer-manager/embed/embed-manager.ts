import { clientLeft, RequestError } from '../../core/errors';
import { abortedFor, type FinishReason } from '../../core/request';
import type { VectorOutput } from '../../ipc/messages';
import { refuseLength } from '../context-limits';
import { refuseRank } from '../dispatch/refuse-rank';
import type { Schedulers } from '../dispatch/schedulers';
import { isFlat, refuseTooMany, ridsOf } from '../fan-out';
import { refusalOf } from '../generate-job';
import { promptIds, refuseEmpty } from '../prompt-message';
import { inSlices } from '../slices';
import type { RequestOrigin } from '../generate-request';
import type { RequestLogger } from '../request-logger';
import type { RequestMeters } from '../request-meter';
import { memberOf, traceAttributes, vectorFields } from '../request-record';
import type { RequestTrace } from '../../tracing/request-tracer';
import type { TokenizerManagerDeps } from '../tokenizer-manager';

/** A request for vectors: one prompt, or a list of them. Exactly one of `text` and `inputIds` is given. */
export interface EmbedRequest {
  readonly text: string | readonly string[] | null;
  readonly inputIds: readonly number[] | readonly (readonly number[])[] | null;
  readonly rid: string | readonly string[] | null;
  /** The scheduler that is to run it; null leaves the choice. */
  readonly dpRank: number | null;
  /** Leave this request out of the request log. */
  readonly noLogs: boolean;
  /** False leaves this request out of the metrics of requests. */
  readonly logMetrics: boolean;
  /** Its labels in them; those that are not allowed do not count. */
  readonly customLabels: Readonly<Record<string, string>> | null;
  readonly origin: RequestOrigin;
}

/** One prompt's vector. */
export interface EmbedResult {
  readonly rid: string;
  readonly vector: Float32Array;
  readonly promptTokens: number;
  readonly finish: FinishReason;
  /** Seconds from arrival to the vector. */
  readonly e2eLatency: number;
}

export interface EmbedReply {
  readonly results: readonly EmbedResult[];
  /** Whether the request gave its prompts as a list. */
  readonly isBatch: boolean;
}

/** The embedding side of the TokenizerManager: owns its requests between their message and their vector. */
export class EmbedManager {
  private readonly pending = new Map<string, (output: VectorOutput) => void>();

  constructor(
    private readonly deps: TokenizerManagerDeps,
    private readonly schedulers: Schedulers,
    private readonly log: RequestLogger,
    private readonly meters: RequestMeters,
  ) {}

  get pendingRids(): readonly string[] {
    return [...this.pending.keys()];
  }

  handle(output: VectorOutput): void {
    const settle = this.pending.get(output.rid);
    if (settle === undefined) return;
    this.pending.delete(output.rid);
    this.schedulers.close(output.rid);
    settle(output);
  }

  /** Ends a request that cannot go on, for its client. */
  fail(rid: string, message: string): void {
    this.handle({ rid, vector: null, promptTokens: 0, finish: abortedFor(500, message) });
  }

  /** See `TokenizerManager.encode`. */
  async encode(request: EmbedRequest, gone: AbortSignal): Promise<EmbedReply> {
    const receivedAt = performance.now();
    const { facts } = this.deps;
    if (facts.kind !== 'embedding') {
      refuse(
        'This model does not appear to be an embedding model by default. Please add `--is-embedding` when launching ' +
          'the server or try another model.',
      );
    }
    refuseRank(request.dpRank, this.schedulers.inboxes.length);
    const { prompts, isBatch } = promptsOf(request);
    refuseTooMany(prompts.length);
    const rids = ridsOf(request.rid, { size: prompts.length, n: 1, isList: isBatch });
    const ids = await inSlices(prompts, (prompt) => this.idsOf(prompt, gone));
    const tokenizedAt = performance.now();
    if (gone.aborted) throw clientLeft();
    this.refuseDuplicates(rids);
    const traces = rids.map((rid) => this.openTrace(rid, request, receivedAt));
    const messages = ids.map((inputIds, i) => {
      return { type: 'embed' as const, rid: rids[i] ?? '', inputIds, trace: traces[i]?.fields ?? null };
    });
    this.log.received(request, rids);
    this.meters.processed(request, receivedAt);
    const outputs = messages.map((message, i) => {
      const output = new Promise<VectorOutput>((resolve) => this.pending.set(message.rid, resolve));
      this.schedulers.open(message, request.dpRank);
      traces[i]?.dispatched(tokenizedAt);
      return output;
    });
    const abort = () => this.abort(rids);
    gone.addEventListener('abort', abort, { once: true });
    const ended = outputs.map(async (output, index) => {
      const done = await output;
      const e2eLatency = (performance.now() - receivedAt) / 1000;
      this.meters.open(request, receivedAt).ended({ ...done, ...NO_TOKENS, e2eLatency });
      traces[index]?.ended(traceAttributes({ ...done, ...NO_TOKENS }));
      const member = memberOf(request, index);
      this.log.aborted(member, done.rid, done.finish, gone.aborted);
      this.log.finished(member, done.rid, e2eLatency, () => vectorFields(done, e2eLatency));
      return { ...done, e2eLatency };
    });
    const results = (await Promise.all(ended)).map(toResult);
    gone.removeEventListener('abort', abort);
    return { results, isBatch };
  }

  private async idsOf(prompt: Prompt, gone: AbortSignal): Promise<Int32Array> {
    const { args, facts } = this.deps;
    const ids = await promptIds({ ...prompt, addSpecialTokens: true }, this.deps, gone);
    refuseEmpty(ids);
    if (ids.length <= facts.contextLen) return Int32Array.from(ids);
    if (!args.allowAutoTruncate) refuseLength(String(ids.length), facts.contextLen);
    if (prompt.text === null) return Int32Array.from(ids.slice(0, facts.contextLen));
    const around = await promptIds({ text: '', inputIds: null, addSpecialTokens: true }, this.deps, gone);
    return Int32Array.from(cutText(ids, around, facts.contextLen));
  }

  private openTrace(rid: string, request: EmbedRequest, receivedAt: number): RequestTrace | null {
    const { tracer } = this.deps;
    if (!tracer || (request.noLogs && !request.logMetrics)) return null;
    return tracer.open(rid, request.origin.traceHeaders, receivedAt, {});
  }

  private refuseDuplicates(rids: readonly string[]): void {
    const seen = new Set<string>();
    for (const rid of rids) {
      if (seen.has(rid) || this.pending.has(rid)) refuse(`Duplicate request ID: ${rid} is in use.`);
      seen.add(rid);
    }
  }

  private abort(rids: readonly string[]): void {
    for (const rid of rids) {
      if (this.pending.has(rid)) this.schedulers.abort(rid);
    }
  }
}

/**
 * What a text is cut by is its end, but for the special tokens there: a model may read its vector from them.
 * @param around the special tokens that stand around any text
 */
function cutText(ids: readonly number[], around: readonly number[], length: number): number[] {
  let tail = 0;
  while (tail < Math.min(around.length, length) && ids.at(-1 - tail) === around.at(-1 - tail)) tail++;
  return [...ids.slice(0, length - tail), ...ids.slice(ids.length - tail)];
}

/** A vector comes of a prompt alone. */
const NO_TOKENS = { completionTokens: 0, cachedTokens: 0, retractions: 0 } as const;

/** An output with the seconds since its request arrived. */
type TimedOutput = VectorOutput & { readonly e2eLatency: number };

interface Prompt {
  readonly text: string | null;
  readonly inputIds: readonly number[] | null;
}

function promptsOf({ text, inputIds }: EmbedRequest): { prompts: Prompt[]; isBatch: boolean } {
  if (text === null && inputIds === null)
    refuse('At least one of text, input_ids, or image should be provided');
  if (text !== null && inputIds !== null) refuse('text and input_ids cannot be provided at the same time');
  if (typeof text === 'string') return { prompts: [{ text, inputIds: null }], isBatch: false };
  if (text !== null) return { prompts: text.map((item) => ({ text: item, inputIds: null })), isBatch: true };
  if (inputIds === null || inputIds.length === 0) refuse('input_ids cannot be empty.');
  if (isFlat(inputIds)) return { prompts: [{ text: null, inputIds }], isBatch: false };
  return { prompts: inputIds.map((item) => ({ text: null, inputIds: item })), isBatch: true };
}

function toResult({ rid, vector, promptTokens, finish, e2eLatency }: TimedOutput): EmbedResult {
  if (vector === null) {
    const message = finish.type === 'abort' ? finish.message : 'The request was ended without a vector.';
    throw refusalOf(finish) ?? new RequestError('bad_value', message);
  }
  return { rid, vector, promptTokens, finish, e2eLatency };
}

function refuse(message: string): never {
  throw new RequestError('bad_value', message);
}
