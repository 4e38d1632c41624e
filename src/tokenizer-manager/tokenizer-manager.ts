import { assertNever, bug, clientLeft, errorMessage, RequestError, StartupError } from '../core/errors';
import type { ModelFacts } from '../core/model-facts';
import { abortedFor } from '../core/request';
import { holdUp } from '../core/stuck';
import type { DecodeOptions, EncodeOptions, Tokenizer } from '../tokenizer/tokenizer';
import type { AsyncTokenizer } from '../tokenizer/tokenizer-pool';
import type {
  GenerateMsg,
  InternalState,
  PauseMode,
  SchedulerState,
  TextOutput,
  TokenizerManagerMsg,
} from '../ipc/messages';
import type { InvalidMessage } from '../ipc/receive';
import { logger } from '../logging/logger';
import { CustomLabels } from '../metrics/custom-labels';
import { NO_METRICS, type Metrics } from '../metrics/recorder';
import type { ServerArgs } from '../server-args/server-args';
import type { RequestTrace, RequestTracer } from '../tracing/request-tracer';
import { ControlCalls } from './control-calls';
import { refuseRank } from './dispatch/refuse-rank';
import { connectSchedulers, type SchedulerInbox, type Schedulers } from './dispatch/schedulers';
import { EmbedManager, type EmbedReply, type EmbedRequest } from './embed/embed-manager';
import { fanOut, type FannedOut } from './fan-out';
import { GenerateJob, refusalOf } from './generate-job';
import { DEFAULT_GENERATE_REQUEST, NO_ORIGIN, type GenerateRequest } from './generate-request';
import { promptIds, promptMessage, type PromptMessage } from './prompt-message';
import type { RecordedRequest } from './crash-recorder';
import type { LoggingChange } from './logging-change';
import { RequestArchive } from './request-archive';
import { RequestLogger } from './request-logger';
import { RequestMeters, type RequestMeter } from './request-meter';
import { memberOf, requestFields, resultFields, traceAttributes, type RecordFields } from './request-record';
import { RequestState } from './request-state';
import { parseSamplingParams, type SamplingContext } from './sampling-params';
import { continued, type Place } from './sessions/place';
import type { SessionParams } from './sessions/session-params';
import { Sessions, type OpenSession } from './sessions/sessions';
import type { Turn } from './sessions/turn';
import { inSlices } from './slices';

export interface TokenizerManagerDeps {
  readonly args: ServerArgs;
  readonly facts: ModelFacts;
  /** null where only token ids go in and out (`--skip-tokenizer-init`). */
  readonly tokenizer: AsyncTokenizer | null;
  /** By rank. */
  readonly toSchedulers: readonly SchedulerInbox[];
  /** By default nothing is counted. */
  readonly metrics?: Metrics;
  /** By default nothing is traced. */
  readonly tracer?: RequestTracer | null;
}

/** A scheduler's last sign of life. */
export interface Heartbeat {
  /** null before the first one. */
  readonly state: SchedulerState | null;
  /** Milliseconds since it came, or since the manager was made. */
  readonly ageMs: number;
}

/** A request under one id. */
interface Entry {
  readonly state: RequestState;
  readonly request: GenerateRequest;
  readonly meter: RequestMeter;
  readonly trace: RequestTrace | null;
  /** Which prompt of the request it is. */
  readonly index: number;
  /** The scheduler that has it. */
  readonly rank: number;
  /** What it is to its session; null where it has none. */
  readonly turn: Turn | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What the server asks of itself. */
const UNCOUNTED = { noLogs: true, logMetrics: false } as const;
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

const FLUSH_RETRY_MS = 50;
/** Characters of a text that is tokenized for its own sake, whatever the context. */
const MAX_TEXT = 2 ** 20;

/**
 * Turns requests into messages to the schedulers and their outputs into results. Owns the state of every request from its
 * message until the output that ends it; nothing else removes a state, so that an abort always finds one.
 */
export class TokenizerManager {
  /** For short work; null where only token ids go in and out. */
  readonly tokenizer: Tokenizer | null;
  private readonly schedulers: Schedulers;
  private readonly states = new Map<string, Entry>();
  private readonly vectors: EmbedManager;
  private readonly control: ControlCalls;
  private readonly requestLogger: RequestLogger;
  private readonly metrics: Metrics;
  private readonly meters: RequestMeters;
  /** The call for the state of now that is under way, for all who ask meanwhile. */
  private loading: Promise<readonly InternalState[]> | null = null;
  private readonly archive: RequestArchive;
  private readonly sessions: Sessions;
  private readonly sampling: SamplingContext;
  private readonly outputWaiters = new Set<(rank: number) => void>();
  private isFirst = true;
  /** By rank; `at` by `performance.now()`. */
  private readonly pulses: { state: SchedulerState | null; at: number }[];

  /** @throws StartupError when the server's preferred sampling parameters are not valid, or a log cannot be written */
  constructor(private readonly deps: TokenizerManagerDeps) {
    const { args, facts, tokenizer } = deps;
    this.tokenizer = tokenizer?.sync ?? null;
    this.schedulers = connectSchedulers(deps.toSchedulers, args, facts.maxTotalNumTokens);
    this.pulses = deps.toSchedulers.map(() => ({ state: null, at: performance.now() }));
    this.control = new ControlCalls(deps.toSchedulers);
    this.requestLogger = new RequestLogger(args);
    const labels = new CustomLabels(args.tokenizerMetricsAllowedCustomLabels ?? []);
    this.metrics = deps.metrics ?? NO_METRICS;
    this.meters = new RequestMeters(this.metrics, labels);
    this.vectors = new EmbedManager(deps, this.schedulers, this.requestLogger, this.meters);
    this.sessions = new Sessions((rid) => this.schedulers.abort(rid));
    this.archive = new RequestArchive(args.crashDumpFolder, this.requestLogger);
    const eos = [
      ...facts.eosTokenIds,
      ...(tokenizer?.sync.eosTokenId == null ? [] : [tokenizer.sync.eosTokenId]),
    ];
    const { vocabSize } = facts;
    this.sampling = {
      vocabSize,
      eosTokenIds: [...new Set(eos)],
      hasTokenizer: tokenizer !== null,
      hasGrammars: args.grammarBackend !== 'none',
    };
    checkPreferred(args, this.sampling);
  }

  /** Unfinished requests, also those whose client has gone. */
  get pendingRids(): readonly string[] {
    return [...this.states.keys(), ...this.vectors.pendingRids];
  }

  /** Of each scheduler, by rank. */
  get heartbeats(): readonly Heartbeat[] {
    const now = performance.now();
    return this.pulses.map(({ state, at }) => ({ state, ageMs: now - at }));
  }

  /** Takes one message of this process's inbox. */
  handle(message: TokenizerManagerMsg): void {
    switch (message.type) {
      case 'text_outputs':
        for (const output of message.outputs) this.handleOutput(output);
        for (const wake of this.outputWaiters) wake(message.rank);
        return;
      case 'vector_outputs':
        for (const output of message.outputs) this.vectors.handle(output);
        for (const wake of this.outputWaiters) wake(message.rank);
        return;
      case 'failed':
        this.fail(message.rid, message.message);
        this.drop(message.rid);
        return;
      case 'heartbeat':
        this.pulses[message.rank] = { state: message.state, at: performance.now() };
        return;
      case 'metrics':
        this.metrics.apply(message.samples, message.rank);
        return;
      case 'control_reply':
        this.control.settle(message.callId, message.result);
        return;
      default:
        assertNever(message);
    }
  }

  /**
   * Takes what is readable of a message that is not sound: nobody may wait for what will not come. A request of which
   * more is on its way keeps its state, so that none of it is taken for that of another request of its name.
   */
  handleInvalid({ reason, requests, callId }: InvalidMessage): void {
    logger.log('error', `Dropped a message: ${reason}`);
    const message = `The output could not be read: ${reason}`;
    for (const { rid, isLast } of requests) {
      this.schedulers.abort(rid);
      this.fail(rid, message);
      if (isLast) this.drop(rid);
    }
    if (callId !== null) this.control.settle(callId, { of: 'error', message });
  }

  /**
   * Validates a request and sends it off. Nothing is sent unless all of it is valid.
   * @param gone fires when the client has left: what is unfinished then is aborted at once, unless the request is to
   *   run in the background
   * @throws RequestError
   */
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
    const fanned = fanOut(request, this.deps.args.preferredSamplingParams, this.sampling);
    const rids = fanned.prompts.flatMap((prompt) => prompt.rids);
    this.refuseDuplicates(rids);
    this.requestLogger.received(request, rids);
    const { messages, place } =
      request.session === null
        ? { messages: await this.tokenize(fanned, signal), place: null }
        : await this.goOn(fanned, request.session, signal);
    const tokenizedAt = performance.now();
    const ranks = fanned.n > 1 ? await this.warmPrefixes(fanned, messages, request, place, signal) : null;
    const all = messages.flatMap((message, i) =>
      (fanned.prompts[i]?.rids ?? []).map((rid, sample) => complete(message, { rid, sample }, request)),
    );
    const { isBatch } = fanned;
    return this.open(all, { isBatch, request, place, ranks, receivedAt, tokenizedAt }, signal);
  }

  /**
   * Validates a request for vectors and sends it off.
   * @param gone fires when the client has left: what still waits then is aborted
   * @returns the vectors in the order of the prompts, once all are there
   * @throws RequestError
   */
  encode(request: EmbedRequest, gone: AbortSignal): Promise<EmbedReply> {
    return this.vectors.encode(request, gone);
  }

  /**
   * Sends the smallest request there is through the whole engine, by way of each scheduler; nobody waits for its results.
   * @param gone ends them
   */
  async probe(rid: string, gone: AbortSignal): Promise<void> {
    const name = (rank: number) => (this.pulses.length === 1 ? rid : `${rid}_DP${rank}`);
    await Promise.all(this.pulses.map((_, rank) => this.probeRank(name(rank), rank, gone)));
  }

  private async probeRank(rid: string, dpRank: number, gone: AbortSignal): Promise<void> {
    if (this.deps.facts.kind === 'embedding') {
      const request = {
        text: null,
        inputIds: [0],
        rid,
        dpRank,
        ...UNCOUNTED,
        customLabels: null,
        origin: NO_ORIGIN,
      };
      this.encode(request, gone).catch(() => undefined);
      return;
    }
    const samplingParams = { max_new_tokens: 1, temperature: 0 };
    await this.generate(
      { ...DEFAULT_GENERATE_REQUEST, rid, dpRank, inputIds: [0], samplingParams, ...UNCOUNTED },
      gone,
    );
  }

  /**
   * Text to token ids, without the model.
   * @param gone the work is dropped when it fires
   * @throws RequestError where there is no tokenizer, or for a text beyond every measure
   */
  async tokenizeText(text: string, options: EncodeOptions, gone: AbortSignal): Promise<number[]> {
    const most = Math.max(MAX_TEXT, 8 * this.deps.facts.contextLen);
    if (text.length > most) {
      throw new RequestError('bad_value', `A text must have at most ${most} characters, got ${text.length}.`);
    }
    return this.asyncTokenizer.encode(text, options, gone);
  }

  /** Token ids to text, without the model; see `tokenizeText`. */
  async detokenizeIds(ids: readonly number[], options: DecodeOptions, gone: AbortSignal): Promise<string> {
    return this.asyncTokenizer.decode(ids, options, gone);
  }

  /**
   * Opens a session: requests can go on from each other in it.
   * @returns its name
   * @throws RequestError for a name that is in use, and for what this server was not started for
   */
  openSession(session: OpenSession): string {
    if (this.deps.facts.kind !== 'generation') {
      throw new RequestError(
        'not_available',
        'This model gives vectors (--is-embedding): it has no sessions.',
      );
    }
    if (session.streaming && !this.deps.args.enableStreamingSession) {
      throw new RequestError(
        'not_available',
        'Streaming sessions are disabled. Please relaunch with --enable-streaming-session.',
        'streaming',
      );
    }
    return this.sessions.open(session);
  }

  /** Nothing can go on from its requests any more; those that run go on. Unknown names are ignored. */
  closeSession(id: string): void {
    this.sessions.close(id);
  }

  /** Ends a request, or the requests of a batch that bear its name. Unknown names are ignored. */
  abort(rid: string): void {
    for (const known of this.pendingRids) {
      if (known === rid || isMember(known, rid)) this.schedulers.abort(known);
    }
  }

  abortAll(): void {
    for (const scheduler of this.deps.toSchedulers) scheduler.put({ type: 'abort_all' });
  }

  /**
   * Drops the prefix caches of all schedulers.
   * @param timeoutMs how long to try again while requests run
   * @param gone ends the trying when it fires
   * @returns false when requests were running all the time, in one of them at least
   */
  async flushCache(timeoutMs: number, gone: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const type = 'flush_cache';
      const results = await this.control.call(type, (callId) => ({ type, callId }));
      const success = results.every((result) => result.success);
      if (success) this.schedulers.flushed();
      const leftMs = deadline - performance.now();
      if (success || leftMs <= 0 || gone.aborted) return success;
      await this.nextOutput(Math.min(leftMs, FLUSH_RETRY_MS));
    }
  }

  /** Holds all work until `continueGeneration`; `abort` ends what has been sent so far. */
  async pauseGeneration(mode: PauseMode): Promise<void> {
    if (mode === 'abort') this.abortAll();
    await this.control.call('pause', (callId) => ({ type: 'pause', callId, mode }));
  }

  async continueGeneration(): Promise<void> {
    await this.control.call('continue', (callId) => ({ type: 'continue', callId }));
  }

  /** Of each scheduler, by rank. */
  async internalStates(): Promise<readonly InternalState[]> {
    const type = 'get_internal_state';
    return (await this.control.call(type, (callId) => ({ type, callId }))).map(({ state }) => state);
  }

  /** The same for those who ask often: callers at the same time share one answer. */
  loads(): Promise<readonly InternalState[]> {
    this.loading ??= this.internalStates().finally(() => (this.loading = null));
    return this.loading;
  }

  /**
   * Writes the requests of the last minutes to `--crash-dump-folder`.
   * @param about what else the dump says
   * @returns the file's path; null when no folder was named
   */
  dumpRequests(about: RecordFields): string | null {
    const running = [...this.states.values()].filter(({ request }) => !request.noLogs);
    return this.archive.dumpCrash(
      running.map((entry) => record(entry, null)),
      about,
    );
  }

  /**
   * Changes the logs of requests while the server runs.
   * @throws RequestError naming a folder that cannot be written; nothing is changed then
   */
  configureLogging(change: LoggingChange): void {
    this.archive.configure(change);
  }

  /**
   * How much is recorded of requests that arrive from now on.
   * @throws RequestError where nothing is traced
   */
  setTraceLevel(level: number): void {
    const { tracer } = this.deps;
    if (!tracer) {
      throw new RequestError(
        'not_available',
        'Nothing is traced: this server was started without --enable-trace, or there is no OpenTelemetry SDK.',
      );
    }
    tracer.level = level;
  }

  /** Writes what is kept of requests and not written yet. */
  close(): void {
    this.sessions.stop();
    this.archive.close();
  }

  /** Waits until each scheduler has put something out. @returns false when one did not in time */
  async outputOfEach(timeoutMs: number): Promise<boolean> {
    const came = await Promise.all(this.pulses.map((_, rank) => this.nextOutput(timeoutMs, rank)));
    return !came.includes(false);
  }

  /** Waits for the next outputs, of a scheduler or of any. @returns false when none came in time */
  private nextOutput(timeoutMs: number, rank: number | null = null): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (came: boolean) => {
        clearTimeout(timer);
        this.outputWaiters.delete(wake);
        resolve(came);
      };
      const wake = (from: number) => {
        if (rank === null || rank === from) settle(true);
      };
      const timer = setTimeout(() => settle(false), timeoutMs);
      this.outputWaiters.add(wake);
    });
  }

  private get asyncTokenizer(): AsyncTokenizer {
    if (this.deps.tokenizer !== null) return this.deps.tokenizer;
    throw new RequestError(
      'not_available',
      'This server was started with --skip-tokenizer-init: it has no tokenizer.',
    );
  }

  private handleOutput(output: TextOutput): void {
    const entry = this.states.get(output.rid);
    if (entry === undefined) return;
    if (output.finish === null) this.schedulers.advance(output.rid, output.completionTokens);
    else this.drop(output.rid);
    if (entry.state.finish !== null) return;
    entry.state.apply(output);
    entry.turn?.add(output.newIds, output.finish);
    entry.meter.output(output.completionTokens);
    if (output.completionTokens > 0) entry.trace?.output();
    if (output.finish !== null) this.ended(entry);
  }

  /** Nothing more will come of a request. */
  private drop(rid: string): void {
    this.states.delete(rid);
    this.schedulers.close(rid);
  }

  /** Ends a request that cannot go on, for its client. */
  private fail(rid: string, message: string): void {
    this.vectors.fail(rid, message);
    const entry = this.states.get(rid);
    if (entry === undefined || entry.state.finish !== null) return;
    const reason = abortedFor(500, message);
    entry.state.fail(reason);
    entry.turn?.add(new Int32Array(0), reason);
    this.ended(entry);
  }

  private ended(entry: Entry): void {
    const { meter, state } = entry;
    meter.ended(state);
    entry.trace?.ended(traceAttributes(state));
    const request = memberOf(entry.request, entry.index);
    this.requestLogger.aborted(request, state.rid, state.finish, state.isDetached);
    this.requestLogger.finished(request, state.rid, state.e2eLatency ?? 0, () => resultFields(state));
    if (!request.noLogs) this.archive.add(() => record(entry, Date.now()));
  }

  private refuseDuplicates(rids: readonly string[]): void {
    const seen = new Set<string>();
    for (const rid of rids) {
      if (seen.has(rid) || this.states.has(rid)) {
        throw new RequestError('bad_value', `Duplicate request ID: ${rid} is in use.`);
      }
      seen.add(rid);
    }
  }

  private tokenize({ prompts }: FannedOut, signal: AbortSignal): Promise<PromptMessage[]> {
    return inSlices(prompts, async (prompt) => {
      refuseGone(signal);
      return promptMessage(prompt, await promptIds(prompt, this.deps, signal), this.deps);
    });
  }

  /** Tokenizes the one prompt of a request that goes on from another, and puts it behind what it goes on from. */
  private async goOn({ prompts }: FannedOut, params: SessionParams, signal: AbortSignal) {
    const [prompt] = prompts;
    if (prompt === undefined) throw bug('a request without a prompt');
    const ids = await promptIds(prompt, this.deps, signal);
    const place = await this.sessions.find(params, signal);
    const all = continued(place, ids, this.tokenizer?.bosTokenId ?? null);
    return { messages: [promptMessage(prompt, all, this.deps)], place };
  }

  /**
   * Runs each prompt once without output, so that its samples find it in the prefix cache.
   * @returns the scheduler of each prompt
   */
  private async warmPrefixes(
    { prompts }: FannedOut,
    messages: readonly PromptMessage[],
    request: GenerateRequest,
    place: Place | null,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const warmups = messages.map((message, i): GenerateMsg => {
      const sampling = { ...message.sampling, maxNewTokens: 0, minNewTokens: 0 };
      // Under the name of the first sample, so that an abort by name ends it too.
      const rid = prompts[i]?.rids[0] ?? '';
      const bare = { ...message, sampling, logprobs: null };
      return complete(bare, { rid, sample: 0 }, { ...request, stream: false });
    });
    const dpRank = request.dpRank ?? place?.session.rank ?? null;
    const quiet = { ...request, ...UNCOUNTED, dpRank };
    const receivedAt = performance.now();
    const opening = {
      isBatch: true,
      request: quiet,
      place: null,
      ranks: null,
      receivedAt,
      tokenizedAt: null,
    };
    const job = this.open(warmups, opening, signal);
    const ranks = warmups.map(({ rid }) => this.states.get(rid)?.rank ?? 0);
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
    this.refuseDuplicates(rids);
    const [first] = messages;
    const turns = place && first ? this.sessions.enter(place, rids, first.inputIds) : null;
    this.meters.processed(request, receivedAt);
    const traces = messages.map((message) => this.openTrace(message, messages, opening));
    const states = messages.map((message, i) => {
      const trace = traces[i]?.fields ?? null;
      return new RequestState(trace === null ? message : { ...message, trace }, receivedAt);
    });
    const job = new GenerateJob(states, isBatch, (rid) => this.schedulers.abort(rid));
    let index = -1;
    for (const [i, state] of states.entries()) {
      if (state.message.sample === 0) index += 1;
      const rank = this.schedulers.open(
        state.message,
        ranks?.[index] ?? request.dpRank ?? place?.session.rank ?? null,
      );
      if (place) place.session.rank = rank;
      const meter = this.meters.open(request, receivedAt);
      const trace = traces[i] ?? null;
      trace?.dispatched(opening.tokenizedAt ?? receivedAt);
      const turn = turns?.[i] ?? null;
      this.states.set(state.rid, { state, request, meter, trace, index, rank, turn, createdAt: Date.now() });
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

function record({ state, request, index, createdAt }: Entry, finishedAt: number | null): RecordedRequest {
  return {
    obj: requestFields(memberOf(request, index), state.rid),
    out: resultFields(state),
    created_time: createdAt / 1000,
    finish_time: finishedAt === null ? null : finishedAt / 1000,
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

/** Whether `known` is one of the requests that a batch called `rid` was split into. */
function isMember(known: string, rid: string): boolean {
  return known.startsWith(`${rid}_`) && /^\d+$/.test(known.slice(rid.length + 1));
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
