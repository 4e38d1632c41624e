import type { RequestListener } from 'node:http';
import { ChatTemplate, templateText } from '../chat-template';
import { modelPlace } from '../checkpoint/gguf/locate';
import { obtainModel } from '../checkpoint/hub';
import { readModelCard } from '../checkpoint/model-card';
import { RepositoryNotFound } from '../checkpoint/repository-not-found';
import { StartupError } from '../core/errors';
import type { ModelCard } from '../core/model-card';
import type { ModelFacts } from '../core/model-facts';
import { createApp } from '../http/app';
import { ServerStatus, type ProfileControl } from '../http/app-deps';
import { areAlive } from '../http/health';
import type { SchedulerMsg } from '../ipc/messages';
import { PullQueue, PushQueue } from '../ipc/queues';
import { logger } from '../logging/logger';
import { NO_METRICS } from '../metrics/recorder';
import type { MetricsRegistry } from '../metrics/registry';
import { TokenizerManager } from '../tokenizer-manager';
import { loadTokenizer } from '../tokenizer/tokenizer';
import { TokenizerPool } from '../tokenizer/tokenizer-pool';
import type { ServerArgs } from '../server-args';
import type { ChildInit } from '../child/protocol';
import type { RequestTracer } from '../tracing/request-tracer';
import { openTracer } from './open-tracer';

/** A scheduler that was silent or stuck for longer will not finish its requests. */
const DEAD_AFTER_MS = 20_000;

/** The main process's own part in serving: the TokenizerManager with its queues, and the HTTP application on top. */
export class Frontend {
  readonly application: RequestListener;
  readonly status = new ServerStatus();
  readonly manager: TokenizerManager;
  readonly chat: ChatTemplate | null;
  private readonly args: ServerArgs;
  private readonly tokenizer: TokenizerPool | null;
  /** By rank. */
  private readonly toSchedulers: readonly PushQueue<SchedulerMsg>[];
  /** Ends a download. */
  private readonly closing = new AbortController();

  /**
   * Loads the tokenizer while the children load the model.
   * @param modelReady resolves when the children are ready
   * @param fail told of the first error that the server cannot outlive
   * @param profiler of all processes
   * @throws StartupError when the tokenizer cannot be loaded; and whatever `modelReady` rejects with
   */
  static async start(
    init: ChildInit,
    modelReady: Promise<ModelFacts>,
    fail: (error: unknown) => void,
    profiler: ProfileControl,
  ): Promise<Frontend> {
    const [inbox, texts, metrics, tracer, facts] = await Promise.all([
      PullQueue.bind('tokenizerManager', init.endpoints.tokenizerManager),
      loadTexts(init),
      loadMetrics(init.args),
      openTracer(init.args),
      modelReady,
    ]);
    return new Frontend(init, inbox, texts, metrics, tracer, facts, fail, profiler);
  }

  private constructor(
    { args, endpoints, modelDir }: ChildInit,
    private readonly inbox: PullQueue<'tokenizerManager'>,
    { tokenizer, chat, template: text }: Texts,
    metrics: MetricsRegistry | null,
    tracer: RequestTracer | null,
    readonly facts: ModelFacts,
    fail: (error: unknown) => void,
    profiler: ProfileControl,
  ) {
    const toSchedulers = endpoints.schedulers.map((endpoint) => new PushQueue<SchedulerMsg>(endpoint, fail));
    const manager = new TokenizerManager({
      args,
      facts,
      tokenizer,
      template: chat?.source ?? null,
      toSchedulers,
      metrics: metrics ?? NO_METRICS,
      findModelDir: (modelPath, loadFormat) =>
        findWeights(modelPath, { ...args, loadFormat }, this.closing.signal),
      tracer,
    });
    this.args = args;
    this.toSchedulers = toSchedulers;
    inbox
      .consume(
        (message) => manager.handle(message),
        (invalid) => manager.handleInvalid(invalid),
      )
      .catch(fail);
    this.manager = manager;
    this.tokenizer = tokenizer;
    this.chat = chat;
    this.application = createApp({
      args,
      facts,
      card: cardOf(modelDir, manager.served),
      manager,
      chat,
      templateText: text,
      metrics,
      profiler,
      status: this.status,
    });
  }

  /** Starts what is recorded from the start on: not of the warm-up. */
  async startRecords(): Promise<void> {
    if (this.args.enableExpertDistributionMetrics && this.facts.hasExperts) {
      await this.manager.recordExperts('start');
    }
  }

  /** Requests that are not finished. */
  get pendingRids(): readonly string[] {
    return this.manager.pendingRids;
  }

  /** Whether all schedulers make progress. */
  get isResponsive(): boolean {
    return areAlive(this.manager.heartbeats, DEAD_AFTER_MS);
  }

  /** Leaves the requests of the last minutes where the operator wants them when the server cannot go on. */
  dumpRequests(cause: string, serverArgs: Record<string, unknown>): void {
    const path = this.manager.dumpRequests({ cause, server_args: serverArgs });
    if (path !== null) logger.log('error', `The requests of the last minutes are in ${path}.`);
  }

  /** Ends all requests with an error for their clients. */
  failAll(message: string): void {
    this.manager.failAll(message);
  }

  /** Ends all requests as aborted. */
  abortAll(): void {
    this.manager.abortAll();
  }

  /** Ends what is downloaded for an update of the weights. */
  endDownloads(): void {
    this.closing.abort(new StartupError('the server stops'));
  }

  /** Closes the queues; nothing may be asked of it afterwards. */
  close(): void {
    this.endDownloads();
    this.manager.close();
    this.inbox.close();
    for (const scheduler of this.toSchedulers) scheduler.close();
    void this.tokenizer?.close();
  }
}

/**
 * The folder of other weights for the model, from the hub where they have to come from there.
 * @param own the arguments of the server: a revision counts for the model that it was started with
 * @throws RepositoryNotFound, StartupError
 */
async function findWeights(
  modelPath: string,
  { downloadDir, loadFormat, modelPath: own, revision }: ServerArgs,
  signal: AbortSignal,
): Promise<string> {
  const needs = { config: true, weights: loadFormat !== 'dummy', tokenizer: false };
  const options = { revision: modelPath === own ? revision : null, downloadDir, env: process.env };
  try {
    return modelPlace(await obtainModel(modelPath, needs, options, signal), loadFormat);
  } catch (error) {
    if (error instanceof RepositoryNotFound && error.advice !== '') logger.log('warning', error.advice);
    throw error;
  }
}

/** The card of what is served, read again after each update of the weights. */
function cardOf(modelDir: string, served: TokenizerManager['served']): () => ModelCard {
  let { updates } = served;
  let card = readModelCard(modelDir);
  return () => {
    if (served.updates !== updates) card = readModelCard(served.modelDir ?? modelDir);
    ({ updates } = served);
    return card;
  };
}

/** What turns texts into token ids and conversations into texts. */
interface Texts {
  readonly tokenizer: TokenizerPool | null;
  readonly chat: ChatTemplate | null;
  /** See `AppDeps.templateText`. */
  readonly template: string | null;
}

async function loadTexts({ args, tokenizerDir }: ChildInit): Promise<Texts> {
  if (args.skipTokenizerInit) return { tokenizer: null, chat: null, template: null };
  const tokenizer = new TokenizerPool(await loadTokenizer(tokenizerDir), tokenizerDir);
  if (args.isEmbedding) return { tokenizer, chat: null, template: templateText(tokenizerDir, args) };
  const chat = await ChatTemplate.load(tokenizerDir, args, tokenizer);
  return { tokenizer, chat, template: chat.source };
}

async function loadMetrics(args: ServerArgs): Promise<MetricsRegistry | null> {
  return args.enableMetrics ? (await import('../metrics/open.js')).openMetrics(args) : null;
}
