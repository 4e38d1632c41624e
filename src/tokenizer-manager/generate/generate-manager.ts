import { bug, clientLeft, errorMessage, RequestError, StartupError } from '../../core/errors';
import { holdUp } from '../../core/stuck';
import type { GenerateMsg } from '../../ipc/messages';
import type { ServerArgs } from '../../server-args/server-args';
import type { RequestTrace } from '../../tracing/request-tracer';
import { refuseRank } from '../dispatch/refuse-rank';
import type { Schedulers } from '../dispatch/schedulers';
import { fanOut, type FannedOut, type Prompt } from '../fan-out';
import { GenerateJob, refusalOf } from '../generate-job';
import type { GenerateRequest } from '../generate-request';
import { promptIds, promptMessage, type PromptMessage } from '../prompt-message';
import type { Reasoning } from '../reasoning';
import type { RequestLogger } from '../request-logger';
import type { RequestMeters } from '../request-meter';
import { RequestState } from '../request-state';
import { parseSamplingParams, type SamplingContext } from '../sampling-params';
import { continued, type Place } from '../sessions/place';
import type { SessionParams } from '../sessions/session-params';
import type { Sessions } from '../sessions/sessions';
import { inSlices } from '../slices';
import type { TokenizerManagerDeps } from '../tokenizer-manager';
import type { RunningRequests } from './running-requests';
import { stemLength } from './stem';

/** What the server asks of itself. */
export const UNCOUNTED = { noLogs: true, logMetrics: false } as const;

/** What the requests that are opened together have in common. */
interface Opening {
  /** Whether the client gets a list. */
  readonly isBatch: boolean;
  readonly request: GenerateRequest;
  /** Where in a session they go on; null for requests of their own. */
  readonly place: Place | null;
  /** The scheduler of each prompt; null where none is bound to one. */
  readonly ranks: readonly number[] | null;
  /** By `performance.now()`. */
  readonly receivedAt: number;
  /** When the prompts were tokens; null where nothing of it is traced. */
  readonly tokenizedAt: number | null;
}

/** Whom the manager tells of its requests. */
export interface GenerateParts {
  readonly schedulers: Schedulers;
  readonly running: RunningRequests;
  readonly sessions: Sessions;
  /** null where nothing is known of thoughts. */
  readonly reasoning: Reasoning | null;
  readonly log: RequestLogger;
  readonly meters: RequestMeters;
}

/** The generating side of the TokenizerManager: a request on its way from the client to the schedulers. */
export class GenerateManager {
  private readonly sampling: SamplingContext;
  private readonly running: RunningRequests;
  private isFirst = true;

  /** @throws StartupError when the server's preferred sampling parameters are not valid */
  constructor(
    private readonly deps: TokenizerManagerDeps,
    private readonly parts: GenerateParts,
  ) {
    this.running = parts.running;
    this.sampling = samplingContext(deps);
    checkPreferred(deps.args, this.sampling);
  }

  /** See `TokenizerManager.generate`. */
  async generate(request: GenerateRequest, gone: AbortSignal): Promise<GenerateJob> {
    if (this.deps.facts.kind !== 'generation') {
      throw new RequestError(
        'bad_value',
        'This model gives vectors (--is-embedding): it cannot generate text.',
      );
    }
    if (this.isFirst) holdUp('SGLANG_TEST_STUCK_TOKENIZER');
    this.isFirst = false;
    refuseRank(request.dpRank, this.deps.toSchedulers.length);
    const receivedAt = performance.now();
    const signal = request.background ? new AbortController().signal : gone;
    const preferred = request.isScoring ? null : this.deps.args.preferredSamplingParams;
    const fanned = fanOut(request, preferred, this.sampling);
    const rids = fanned.prompts.flatMap((prompt) => prompt.rids);
    this.running.refuseDuplicates(rids);
    this.parts.log.received(request, rids);
    const { messages, place } =
      request.session === null
        ? { messages: await this.tokenize(fanned, signal), place: null }
        : await this.goOn(fanned, request.session, signal);
    const tokenizedAt = performance.now();
    if (request.isScoring) await this.warmStem(rids[0] ?? '', messages, request, signal);
    const ranks = fanned.n > 1 ? await this.warmPrefixes(fanned, messages, request, place, signal) : null;
    const all = messages.flatMap((message, i) =>
      (fanned.prompts[i]?.rids ?? []).map((rid, sample) => complete(message, { rid, sample }, request)),
    );
    const { isBatch } = fanned;
    return this.open(all, { isBatch, request, place, ranks, receivedAt, tokenizedAt }, signal);
  }

  private tokenize({ prompts }: FannedOut, signal: AbortSignal): Promise<PromptMessage[]> {
    return inSlices(prompts, async (prompt) => {
      refuseGone(signal);
      return this.message(prompt, await promptIds(prompt, this.deps, signal));
    });
  }

  /** Tokenizes the one prompt of a request that goes on from another, and puts it behind what it goes on from. */
  private async goOn({ prompts }: FannedOut, params: SessionParams, signal: AbortSignal) {
    const [prompt] = prompts;
    if (prompt === undefined) throw bug('a request without a prompt');
    const ids = await promptIds(prompt, this.deps, signal);
    const place = await this.parts.sessions.find(params, signal);
    const all = continued(place, ids, this.deps.tokenizer?.sync.bosTokenId ?? null);
    return { messages: [this.message(prompt, all)], place };
  }

  private message(prompt: Prompt, ids: ArrayLike<number>): PromptMessage {
    return promptMessage(prompt, ids, { ...this.deps, reasoning: this.parts.reasoning });
  }

  /**
   * Runs each prompt once without output, so that its samples find it in the prefix cache.
   * @returns the scheduler of each prompt
   */
  private warmPrefixes(
    { prompts }: FannedOut,
    messages: readonly PromptMessage[],
    request: GenerateRequest,
    place: Place | null,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    // Under the name of the first sample, so that an abort by name ends it too.
    const named = messages.map((message, i) => [prompts[i]?.rids[0] ?? '', message] as const);
    return this.warm(named, { ...request, dpRank: request.dpRank ?? place?.session.rank ?? null }, signal);
  }

  /**
   * Runs what all prompts begin with, so that it is computed once and not by each of those that are admitted together.
   * @param rid of one of them, so that an abort by name ends it too
   */
  private async warmStem(
    rid: string,
    messages: readonly PromptMessage[],
    request: GenerateRequest,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.deps.args.disableRadixCache) return;
    const [first] = messages;
    const length = stemLength(messages.map(({ inputIds }) => inputIds));
    if (first === undefined || length === 0) return;
    await this.warm([[rid, { ...first, inputIds: first.inputIds.slice(0, length) }]], request, signal);
  }

  /**
   * Runs prompts without output, for the prefix cache, and waits for it.
   * @returns the scheduler of each
   */
  private async warm(
    prompts: readonly (readonly [rid: string, message: PromptMessage])[],
    request: GenerateRequest,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const warmups = prompts.map(([rid, message]): GenerateMsg => {
      const sampling = { ...message.sampling, maxNewTokens: 0, minNewTokens: 0 };
      const bare = { ...message, sampling, logprobs: null };
      return complete(bare, { rid, sample: 0 }, { ...request, stream: false });
    });
    const receivedAt = performance.now();
    const opening = {
      isBatch: true,
      request: { ...request, ...UNCOUNTED },
      place: null,
      ranks: null,
      receivedAt,
      tokenizedAt: null,
    };
    const job = this.open(warmups, opening, signal);
    const ranks = warmups.map(({ rid }) => this.running.rankOf(rid));
    const results = await job.results();
    refuseGone(signal);
    const aborted = results.find(({ finish }) => finish?.type === 'abort')?.finish;
    if (aborted?.type === 'abort') {
      throw refusalOf(aborted) ?? new RequestError('bad_value', aborted.message);
    }
    return ranks;
  }

  /** Registers the requests, sends them and ties them to their client. */
  private open(messages: readonly GenerateMsg[], opening: Opening, signal: AbortSignal): GenerateJob {
    const { isBatch, request, place, ranks, receivedAt } = opening;
    const rids = messages.map(({ rid }) => rid);
    refuseGone(signal);
    this.running.refuseDuplicates(rids);
    const [first] = messages;
    const turns = place && first ? this.parts.sessions.enter(place, rids, first.inputIds) : null;
    this.parts.meters.processed(request, receivedAt);
    const traces = messages.map((message) => this.openTrace(message, messages, opening));
    const states = messages.map((message, i) => {
      const trace = traces[i]?.fields ?? null;
      return new RequestState(trace === null ? message : { ...message, trace }, receivedAt);
    });
    const job = new GenerateJob(states, isBatch, (rid) => this.parts.schedulers.abort(rid));
    let index = -1;
    for (const [i, state] of states.entries()) {
      if (state.message.sample === 0) index += 1;
      const rank = this.parts.schedulers.open(
        state.message,
        ranks?.[index] ?? request.dpRank ?? place?.session.rank ?? null,
      );
      if (place) place.session.rank = rank;
      const meter = this.parts.meters.open(request, receivedAt);
      const trace = traces[i] ?? null;
      trace?.dispatched(opening.tokenizedAt ?? receivedAt);
      const turn = turns?.[i] ?? null;
      this.running.add({ state, request, meter, trace, index, rank, turn, createdAt: Date.now() });
    }
    signal.addEventListener('abort', () => job.abandon(), { once: true });
    return job;
  }

  private openTrace(
    { rid, sampling }: GenerateMsg,
    all: readonly GenerateMsg[],
    { request, receivedAt, tokenizedAt }: Opening,
  ): RequestTrace | null {
    const { tracer } = this.deps;
    if (!tracer || tokenizedAt === null || (request.noLogs && !request.logMetrics)) return null;
    return tracer.open(rid, request.origin.traceHeaders, receivedAt, {
      'gen_ai.request.max_tokens': sampling.maxNewTokens,
      'gen_ai.request.temperature': sampling.temperature,
      'gen_ai.request.top_p': sampling.topP,
      'gen_ai.request.top_k': sampling.topK,
      'gen_ai.request.n': all.length / all.filter(({ sample }) => sample === 0).length,
    });
  }
}

function samplingContext({ args, facts, tokenizer }: TokenizerManagerDeps): SamplingContext {
  const eos = [
    ...facts.eosTokenIds,
    ...(tokenizer?.sync.eosTokenId == null ? [] : [tokenizer.sync.eosTokenId]),
  ];
  return {
    vocabSize: facts.vocabSize,
    eosTokenIds: [...new Set(eos)],
    hasTokenizer: tokenizer !== null,
    hasGrammars: args.grammarBackend !== 'none',
    hasReasoning: args.reasoningParser !== null,
  };
}

function complete(
  message: PromptMessage,
  one: Pick<GenerateMsg, 'rid' | 'sample'>,
  request: GenerateRequest,
): GenerateMsg {
  return {
    ...message,
    ...one,
    stream: request.stream,
    priority: request.priority,
    routingKey: request.routingKey,
    trace: null,
  };
}

function refuseGone(signal: AbortSignal): void {
  if (signal.aborted) throw clientLeft();
}

function checkPreferred({ preferredSamplingParams }: ServerArgs, context: SamplingContext): void {
  try {
    parseSamplingParams(preferredSamplingParams ?? {}, context);
  } catch (error) {
    throw new StartupError(`--preferred-sampling-params is not valid: ${errorMessage(error)}`);
  }
}
