import { assertNever, clientLeft, errorMessage, RequestError, StartupError } from '../core/errors';
import type { ModelFacts } from '../core/model-facts';
import { abortedFor } from '../core/request';
import { holdUp } from '../core/stuck';
import type { DecodeOptions, EncodeOptions, Tokenizer } from '../tokenizer/tokenizer';
import type { AsyncTokenizer } from '../tokenizer/tokenizer-pool';
import type {
  GenerateMsg,
  InternalState,
  PauseMode,
  SchedulerMsg,
  SchedulerState,
  TextOutput,
  TokenizerManagerMsg,
} from '../ipc/messages';
import type { InvalidMessage } from '../ipc/receive';
import { logger } from '../logging/logger';
import { CustomLabels } from '../metrics/custom-labels';
import { NO_METRICS, type Metrics } from '../metrics/recorder';
import type { ServerArgs } from '../server-args/server-args';
import { ControlCalls } from './control-calls';
import { EmbedManager, type EmbedReply, type EmbedRequest } from './embed/embed-manager';
import { fanOut, type FannedOut } from './fan-out';
import { GenerateJob, refusalOf } from './generate-job';
import { DEFAULT_GENERATE_REQUEST, NO_ORIGIN, type GenerateRequest } from './generate-request';
import { promptMessage, type PromptMessage } from './prompt-message';
import type { RecordedRequest } from './crash-recorder';
import type { LoggingChange } from './logging-change';
import { RequestArchive } from './request-archive';
import { RequestLogger } from './request-logger';
import { RequestMeters, type RequestMeter } from './request-meter';
import { memberOf, requestFields, resultFields, type RecordFields } from './request-record';
import { RequestState } from './request-state';
import { parseSamplingParams, type SamplingContext } from './sampling-params';
import { inSlices } from './slices';

export interface TokenizerManagerDeps {
  readonly args: ServerArgs;
  readonly facts: ModelFacts;
  /** null where only token ids go in and out (`--skip-tokenizer-init`). */
  readonly tokenizer: AsyncTokenizer | null;
  readonly toScheduler: { put(message: SchedulerMsg): void };
  /** By default nothing is counted. */
  readonly metrics?: Metrics;
}

/** The scheduler's last sign of life. */
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
  /** Which prompt of the request it is. */
  readonly index: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What the server asks of itself. */
const UNCOUNTED = { noLogs: true, logMetrics: false } as const;
const FLUSH_RETRY_MS = 50;
/** Characters of a text that is tokenized for its own sake, whatever the context. */
const MAX_TEXT = 2 ** 20;

/**
 * Turns requests into messages to the scheduler and its outputs into results. Owns the state of every request from its
 * message until the output that ends it; nothing else removes a state, so that an abort always finds one.
 */
export class TokenizerManager {
  /** For short work; null where only token ids go in and out. */
  readonly tokenizer: Tokenizer | null;
  private readonly states = new Map<string, Entry>();
  private readonly vectors: EmbedManager;
  private readonly control: ControlCalls;
  private readonly requestLogger: RequestLogger;
  private readonly metrics: Metrics;
  private readonly meters: RequestMeters;
  /** The call for the state of now that is under way, for all who ask meanwhile. */
  private loading: Promise<InternalState> | null = null;
  private readonly archive: RequestArchive;
  private readonly sampling: SamplingContext;
  private readonly outputWaiters = new Set<() => void>();
  private isFirst = true;
  private schedulerState: SchedulerState | null = null;
  private heartbeatAt = performance.now();

  /** @throws StartupError when the server's preferred sampling parameters are not valid, or a log cannot be written */
  constructor(private readonly deps: TokenizerManagerDeps) {
    const { args, facts, tokenizer } = deps;
    this.tokenizer = tokenizer?.sync ?? null;
    this.control = new ControlCalls((message) => deps.toScheduler.put(message));
    this.requestLogger = new RequestLogger(args);
    const labels = new CustomLabels(args.tokenizerMetricsAllowedCustomLabels ?? []);
    this.metrics = deps.metrics ?? NO_METRICS;
    this.meters = new RequestMeters(this.metrics, labels);
    this.vectors = new EmbedManager(deps, this.requestLogger, this.meters);
    this.archive = new RequestArchive(args.crashDumpFolder, this.requestLogger);
    const eos = [
      ...facts.eosTokenIds,
      ...(tokenizer?.sync.eosTokenId == null ? [] : [tokenizer.sync.eosTokenId]),
    ];
    const { vocabSize } = facts;
    this.sampling = { vocabSize, eosTokenIds: [...new Set(eos)], hasTokenizer: tokenizer !== null };
    checkPreferred(args, this.sampling);
  }

  /** Unfinished requests, also those whose client has gone. */
  get pendingRids(): readonly string[] {
    return [...this.states.keys(), ...this.vectors.pendingRids];
  }

  get heartbeat(): Heartbeat {
    return { state: this.schedulerState, ageMs: performance.now() - this.heartbeatAt };
  }

  /** Takes one message of this process's inbox. */
  handle(message: TokenizerManagerMsg): void {
    switch (message.type) {
      case 'text_outputs':
        for (const output of message.outputs) this.handleOutput(output);
        for (const wake of this.outputWaiters) wake();
        return;
      case 'vector_outputs':
        for (const output of message.outputs) this.vectors.handle(output);
        for (const wake of this.outputWaiters) wake();
        return;
      case 'failed':
        this.fail(message.rid, message.message);
        this.states.delete(message.rid);
        return;
      case 'heartbeat':
        this.schedulerState = message.state;
        this.heartbeatAt = performance.now();
        return;
      case 'metrics':
        this.metrics.apply(message.samples);
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
      this.deps.toScheduler.put({ type: 'abort', rid });
      this.fail(rid, message);
      if (isLast) this.states.delete(rid);
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
    const receivedAt = performance.now();
    const signal = request.background ? new AbortController().signal : gone;
    const fanned = fanOut(request, this.deps.args.preferredSamplingParams, this.sampling);
    const rids = fanned.prompts.flatMap((prompt) => prompt.rids);
    this.refuseDuplicates(rids);
    this.requestLogger.received(request, rids);
    const messages = await this.tokenize(fanned, signal);
    if (fanned.n > 1) await this.warmPrefixes(fanned, messages, request, signal);
    const all = messages.flatMap((message, i) =>
      (fanned.prompts[i]?.rids ?? []).map((rid, sample) => complete(message, { rid, sample }, request)),
    );
    return this.open(all, fanned.isBatch, request, receivedAt, signal);
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
   * Sends the smallest request there is through the whole engine; nobody waits for its result.
   * @param gone ends it
   */
  async probe(rid: string, gone: AbortSignal): Promise<void> {
    if (this.deps.facts.kind === 'embedding') {
      const request = { text: null, inputIds: [0], rid, ...UNCOUNTED, customLabels: null, origin: NO_ORIGIN };
      this.encode(request, gone).catch(() => undefined);
      return;
    }
    const samplingParams = { max_new_tokens: 1, temperature: 0 };
    await this.generate(
      { ...DEFAULT_GENERATE_REQUEST, rid, inputIds: [0], samplingParams, ...UNCOUNTED },
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

  /** Ends a request, or the requests of a batch that bear its name. Unknown names are ignored. */
  abort(rid: string): void {
    for (const known of this.pendingRids) {
      if (known === rid || isMember(known, rid)) this.deps.toScheduler.put({ type: 'abort', rid: known });
    }
  }

  abortAll(): void {
    this.deps.toScheduler.put({ type: 'abort_all' });
  }

  /**
   * Drops the prefix cache.
   * @param timeoutMs how long to try again while requests run
   * @param gone ends the trying when it fires
   * @returns false when requests were running all the time
   */
  async flushCache(timeoutMs: number, gone: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const { success } = await this.control.call('flush_cache', (callId) => ({
        type: 'flush_cache',
        callId,
      }));
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

  async internalState(): Promise<InternalState> {
    const type = 'get_internal_state';
    return (await this.control.call(type, (callId) => ({ type, callId }))).state;
  }

  /** The same for those who ask often: callers at the same time share one answer. */
  load(): Promise<InternalState> {
    this.loading ??= this.internalState().finally(() => (this.loading = null));
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

  /** Writes what is kept of requests and not written yet. */
  close(): void {
    this.archive.close();
  }

  /** Waits for the next outputs of any requests. @returns false when none came in time */
  nextOutput(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (came: boolean) => {
        clearTimeout(timer);
        this.outputWaiters.delete(wake);
        resolve(came);
      };
      const wake = () => settle(true);
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
    if (output.finish !== null) this.states.delete(output.rid);
    if (entry.state.finish !== null) return;
    entry.state.apply(output);
    entry.meter.output(output.completionTokens);
    if (output.finish !== null) this.ended(entry);
  }

  /** Ends a request that cannot go on, for its client. */
  private fail(rid: string, message: string): void {
    this.vectors.fail(rid, message);
    const entry = this.states.get(rid);
    if (entry === undefined || entry.state.finish !== null) return;
    entry.state.fail(abortedFor(500, message));
    this.ended(entry);
  }

  private ended(entry: Entry): void {
    const { meter, state } = entry;
    meter.ended(state);
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
    return inSlices(prompts, (prompt) => {
      refuseGone(signal);
      return promptMessage(prompt, this.deps, signal);
    });
  }

  /** Runs each prompt once without output, so that its samples find it in the prefix cache. */
  private async warmPrefixes(
    { prompts }: FannedOut,
    messages: readonly PromptMessage[],
    request: GenerateRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const warmups = messages.map((message, i): GenerateMsg => {
      const sampling = { ...message.sampling, maxNewTokens: 0, minNewTokens: 0 };
      // Under the name of the first sample, so that an abort by name ends it too.
      const rid = prompts[i]?.rids[0] ?? '';
      const bare = { ...message, sampling, logprobs: null };
      return complete(bare, { rid, sample: 0 }, { ...request, stream: false });
    });
    const quiet = { ...request, ...UNCOUNTED };
    const results = await this.open(warmups, true, quiet, performance.now(), signal).results();
    refuseGone(signal);
    const aborted = results.find(({ finish }) => finish?.type === 'abort')?.finish;
    if (aborted?.type === 'abort') {
      throw refusalOf(aborted) ?? new RequestError('bad_value', aborted.message);
    }
  }

  /** Registers the requests, sends them and ties them to their client. */
  private open(
    messages: readonly GenerateMsg[],
    isBatch: boolean,
    request: GenerateRequest,
    receivedAt: number,
    signal: AbortSignal,
  ): GenerateJob {
    refuseGone(signal);
    this.refuseDuplicates(messages.map(({ rid }) => rid));
    this.meters.processed(request, receivedAt);
    const states = messages.map((message) => new RequestState(message, receivedAt));
    const put = (rid: string) => this.deps.toScheduler.put({ type: 'abort', rid });
    const job = new GenerateJob(states, isBatch, put);
    let index = -1;
    for (const state of states) {
      if (state.message.sample === 0) index += 1;
      const meter = this.meters.open(request, receivedAt);
      this.states.set(state.rid, { state, request, meter, index, createdAt: Date.now() });
      this.deps.toScheduler.put(state.message);
    }
    signal.addEventListener('abort', () => job.abandon(), { once: true });
    return job;
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
