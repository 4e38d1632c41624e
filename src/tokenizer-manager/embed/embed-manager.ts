import { clientLeft, RequestError } from '../../core/errors';
import { abortedFor } from '../../core/request';
import type { VectorOutput } from '../../ipc/messages';
import { refuseRank } from '../dispatch/refuse-rank';
import type { Schedulers } from '../dispatch/schedulers';
import { refuseTooMany, ridsOf } from '../fan-out';
import { refusalOf } from '../generate-job';
import { inSlices } from '../slices';
import type { RequestLogger } from '../request-logger';
import type { RequestMeters } from '../request-meter';
import { memberOf, traceAttributes, vectorFields } from '../request-record';
import type { RequestTrace } from '../../tracing/request-tracer';
import type { TokenizerManagerDeps } from '../tokenizer-manager';
import type { EmbedReply, EmbedRequest, EmbedResult } from './embed-request';
import { embedIds, promptsOf, refuseKind } from './embed-texts';
import { withPrompt } from './named-prompts';
import { checkDimensions, fitted } from './vector-length';

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
    const { args, facts } = this.deps;
    refuseKind(facts);
    refuseRank(request.dpRank, this.schedulers.inboxes.length);
    checkDimensions(request.dimensions, facts.vectors, args.modelPath);
    const { prompts: given, isBatch } = promptsOf(request);
    const prompts = withPrompt(given, request.promptName, facts.vectors);
    refuseTooMany(prompts.length);
    const rids = ridsOf(request.rid, { size: prompts.length, n: 1, isList: isBatch });
    const allowAutoTruncate = request.truncate ?? args.allowAutoTruncate;
    const context = { ...this.deps, args: { ...args, allowAutoTruncate } };
    const ids = await inSlices(prompts, (prompt) => embedIds(prompt, request.cutAt, context, gone));
    const tokenizedAt = performance.now();
    if (gone.aborted) throw clientLeft();
    this.refuseDuplicates(rids);
    const traces = rids.map((rid) => this.openTrace(rid, request, receivedAt));
    const messages = ids.map((own, i) => {
      const raw = request.normalize === false && { isRaw: true as const };
      return { type: 'embed' as const, rid: rids[i] ?? '', ...own, ...raw, trace: traces[i]?.fields ?? null };
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
    const results = (await Promise.all(ended)).map(toResult).map((result) => {
      return { ...result, vector: fitted(result.vector, request, facts.vectors) };
    });
    gone.removeEventListener('abort', abort);
    const promptTokens = results.reduce((sum, result) => sum + result.promptTokens, 0);
    return { results, promptTokens, isBatch };
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

/** A vector comes of a prompt alone. */
const NO_TOKENS = { completionTokens: 0, cachedTokens: 0, retractions: 0 } as const;

/** An output with the seconds since its request arrived. */
type TimedOutput = VectorOutput & { readonly e2eLatency: number };

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
