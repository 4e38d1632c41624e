import { assertNever, RequestError, StartupError } from '../core/errors';
import type { ModelFacts } from '../core/model-facts';
import type { ExpertOrder, InternalState, PauseMode, TokenizerManagerMsg } from '../ipc/messages';
import type { InvalidMessage } from '../ipc/receive';
import { logger } from '../logging/logger';
import { CustomLabels } from '../metrics/custom-labels';
import { NO_METRICS, type Metrics } from '../metrics/recorder';
import type { ServerArgs } from '../server-args/server-args';
import type { DecodeOptions, EncodeOptions, Tokenizer } from '../tokenizer/tokenizer';
import type { AsyncTokenizer } from '../tokenizer/tokenizer-pool';
import type { RequestTracer } from '../tracing/request-tracer';
import { connectSchedulers, type SchedulerInbox, type Schedulers } from './dispatch/schedulers';
import { EmbedManager } from './embed/embed-manager';
import type { EmbedReply, EmbedRequest } from './embed/embed-request';
import { GenerateManager } from './generate/generate-manager';
import { RunningRequests } from './generate/running-requests';
import type { GenerateJob } from './generate-job';
import type { GenerateRequest } from './generate-request';
import type { LoggingChange } from './logging-change';
import { OperatorCalls } from './operator-calls';
import { probeEach } from './probe';
import { readReasoning, type Reasoning } from './reasoning';
import { RequestArchive } from './request-archive';
import { RequestLogger } from './request-logger';
import { RequestMeters } from './request-meter';
import type { RecordFields } from './request-record';
import { score, type ScoreReply } from './score/score';
import { scoreByClassifier } from './score/score-by-classifier';
import type { ScoreRequest } from './score/score-request';
import { Sessions, type OpenSession } from './sessions/sessions';
import { SignsOfLife, type Heartbeat } from './signs-of-life';
import { Admission } from './weights/admission';
import { ServedModel } from './weights/served-model';
import { WeightUpdates, type WeightUpdatesParts } from './weights/weight-updates';

export interface TokenizerManagerDeps {
  readonly args: ServerArgs;
  readonly facts: ModelFacts;
  /** null where only token ids go in and out (`--skip-tokenizer-init`). */
  readonly tokenizer: AsyncTokenizer | null;
  /** The model's chat template, for `--reasoning-parser auto`. */
  readonly template?: string | null;
  /** By rank. */
  readonly toSchedulers: readonly SchedulerInbox[];
  /** By default nothing is counted. */
  readonly metrics?: Metrics;
  /** Where the weights of an update are. Rejects with StartupError where there are none; by default none are known. */
  readonly findModelDir?: WeightUpdatesParts['findModelDir'];
  /** By default nothing is traced. */
  readonly tracer?: RequestTracer | null;
}

/** Characters of a text that is tokenized for its own sake, whatever the context. */
const MAX_TEXT = 2 ** 20;

/** Turns requests into messages to the schedulers and their outputs into results. */
export class TokenizerManager {
  /** For short work; null where only token ids go in and out. */
  readonly tokenizer: Tokenizer | null;
  /** What is known of the thoughts of the model; null without `--reasoning-parser`. */
  readonly reasoning: Reasoning | null;
  readonly served: ServedModel;
  readonly weights: WeightUpdates;
  private readonly schedulers: Schedulers;
  private readonly signs: SignsOfLife;
  private readonly operators: OperatorCalls;
  private readonly sessions: Sessions;
  private readonly running: RunningRequests;
  private readonly texts: GenerateManager;
  private readonly vectors: EmbedManager;
  private readonly metrics: Metrics;
  private readonly archive: RequestArchive;
  private readonly admission: Admission;

  /** @throws StartupError when the server's preferred sampling parameters are not valid, or a log cannot be written */
  constructor(private readonly deps: TokenizerManagerDeps) {
    const { args, facts, tokenizer, toSchedulers } = deps;
    this.tokenizer = tokenizer?.sync ?? null;
    this.reasoning = readReasoning(args.reasoningParser, deps.template ?? null, this.tokenizer);
    this.schedulers = connectSchedulers(toSchedulers, args, facts.maxTotalNumTokens);
    this.signs = new SignsOfLife(toSchedulers.length);
    this.operators = new OperatorCalls(this.schedulers, this.signs);
    this.sessions = new Sessions((rid) => this.schedulers.abort(rid));
    this.metrics = deps.metrics ?? NO_METRICS;
    const log = new RequestLogger(args);
    const labels = new CustomLabels(args.tokenizerMetricsAllowedCustomLabels ?? []);
    const meters = new RequestMeters(this.metrics, labels);
    this.archive = new RequestArchive(args.crashDumpFolder, log);
    this.running = new RunningRequests(this.schedulers, log, this.archive);
    const { reasoning, running, schedulers, sessions } = this;
    this.texts = new GenerateManager(deps, { running, schedulers, sessions, reasoning, log, meters });
    this.vectors = new EmbedManager(deps, schedulers, log, meters);
    const unfinished = () => this.pendingRids.length;
    const { operators } = this;
    this.served = new ServedModel(args);
    this.admission = new Admission(unfinished);
    this.weights = new WeightUpdates({
      served: this.served,
      admission: this.admission,
      operators,
      unfinished,
      findModelDir: deps.findModelDir ?? notFound,
    });
  }

  /** Unfinished requests, also those whose client has gone. */
  get pendingRids(): readonly string[] {
    return [...this.running.rids, ...this.vectors.pendingRids];
  }

  /** Of each scheduler, by rank. */
  get heartbeats(): readonly Heartbeat[] {
    return this.signs.heartbeats;
  }

  /** Takes one message of this process's inbox. */
  handle(message: TokenizerManagerMsg): void {
    switch (message.type) {
      case 'text_outputs':
        for (const output of message.outputs) this.running.apply(output);
        this.signs.putOut(message.rank);
        this.admission.changed();
        return;
      case 'vector_outputs':
        for (const output of message.outputs) this.vectors.handle(output);
        this.signs.putOut(message.rank);
        this.admission.changed();
        return;
      case 'failed':
        this.fail(message.rid, message.message);
        this.running.drop(message.rid);
        this.admission.changed();
        return;
      case 'heartbeat':
        this.signs.beat(message.rank, message.state);
        return;
      case 'metrics':
        this.metrics.apply(message.samples, message.rank);
        return;
      case 'control_reply':
        this.operators.settle(message.callId, message.result);
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
      if (isLast) this.running.drop(rid);
    }
    this.admission.changed();
    if (callId !== null) this.operators.settle(callId, { of: 'error', message });
  }

  /**
   * Validates a request and sends it off. Nothing is sent unless all of it is valid.
   * @param gone fires when the client has left: what is unfinished then is aborted at once, unless the request is to
   *   run in the background
   * @throws RequestError
   */
  generate(request: GenerateRequest, gone: AbortSignal): Promise<GenerateJob> {
    const waits = request.background ? NEVER : gone;
    return this.admission.pass(() => this.texts.generate(request, gone), waits);
  }

  /**
   * Validates a request for vectors and sends it off.
   * @param gone fires when the client has left: what still waits then is aborted
   * @returns the vectors in the order of the prompts, once all are there
   * @throws RequestError
   */
  encode(request: EmbedRequest, gone: AbortSignal): Promise<EmbedReply> {
    return this.admission.pass(() => this.vectors.encode(request, gone), gone);
  }

  /**
   * How likely tokens are after a query with each of several items; of a classifier, its scores for them.
   * @param gone fires when the client has left: what is unfinished then is aborted at once
   * @throws RequestError
   */
  score(request: ScoreRequest, gone: AbortSignal): Promise<ScoreReply> {
    const { facts } = this.deps;
    const work = () =>
      facts.labels === null
        ? score(request, this.texts, this.deps, gone)
        : scoreByClassifier(request, this.vectors, gone);
    return this.admission.pass(work, gone);
  }

  /**
   * Sends the smallest request there is through the whole engine, by way of each scheduler; nobody waits for its results.
   * @param gone ends them
   */
  probe(rid: string, gone: AbortSignal): Promise<void> {
    // Not held by an update: it waits for a probe like for any other request, and one that it held would tell nothing.
    const parts = {
      generate: this.texts.generate.bind(this.texts),
      encode: this.vectors.encode.bind(this.vectors),
    };
    return probeEach(parts, this.deps, rid, gone);
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
    this.operators.abortAll();
  }

  /**
   * Drops the prefix caches of all schedulers.
   * @param timeoutMs how long to try again while requests run
   * @param gone ends the trying when it fires
   * @returns false when requests were running all the time, in one of them at least
   */
  flushCache(timeoutMs: number, gone: AbortSignal): Promise<boolean> {
    return this.operators.flushCache(timeoutMs, gone);
  }

  /** Holds all work until `continueGeneration`; `abort` ends what has been sent so far. */
  pauseGeneration(mode: PauseMode): Promise<void> {
    const paused = this.operators.pauseGeneration(mode);
    this.admission.changed();
    return paused;
  }

  continueGeneration(): Promise<void> {
    return this.operators.continueGeneration();
  }

  /**
   * Begins, ends or writes the record of the experts that the model chooses. To begin drops what was recorded, and so does
   * to write it.
   * @returns paths of the files that were written
   * @throws RequestError where none is made, and when it cannot be written; it is kept then
   */
  async recordExperts(order: ExpertOrder): Promise<readonly string[]> {
    const { args, facts } = this.deps;
    if (args.expertDistributionRecorderMode === null) {
      throw new RequestError(
        'not_available',
        'The expert distribution is not recorded: this server was started without --expert-distribution-recorder-mode.',
      );
    }
    if (!facts.hasExperts) {
      throw new RequestError('not_available', 'This model has no experts: there is no expert distribution.');
    }
    return this.operators.recordExperts(order);
  }

  /** Of each scheduler, by rank. */
  internalStates(): Promise<readonly InternalState[]> {
    return this.operators.internalStates();
  }

  /** The same for those who ask often: callers at the same time share one answer. */
  loads(): Promise<readonly InternalState[]> {
    return this.operators.loads();
  }

  /**
   * Writes the requests of the last minutes to `--crash-dump-folder`.
   * @param about what else the dump says
   * @returns the file's path; null when no folder was named
   */
  dumpRequests(about: RecordFields): string | null {
    return this.archive.dumpCrash(this.running.records, about);
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
  outputOfEach(timeoutMs: number): Promise<boolean> {
    return this.signs.outputOfEach(timeoutMs);
  }

  private get asyncTokenizer(): AsyncTokenizer {
    if (this.deps.tokenizer !== null) return this.deps.tokenizer;
    throw new RequestError(
      'not_available',
      'This server was started with --skip-tokenizer-init: it has no tokenizer.',
    );
  }

  /** Ends all requests for their clients: nothing more will come of them. */
  failAll(message: string): void {
    for (const rid of this.pendingRids) this.fail(rid, message);
    this.admission.refuse({ code: 'internal', message });
  }

  /** Ends a request that cannot go on, for its client. */
  private fail(rid: string, message: string): void {
    this.vectors.fail(rid, message);
    this.running.fail(rid, message);
  }
}

const NEVER = new AbortController().signal;

function notFound(modelPath: string): Promise<never> {
  return Promise.reject(new StartupError(`${modelPath} (repository not found).`));
}

/** Whether `known` is one of the requests that a batch called `rid` was split into. */
function isMember(known: string, rid: string): boolean {
  return known.startsWith(`${rid}_`) && /^\d+$/.test(known.slice(rid.length + 1));
}
