import { findModelFolders } from '../checkpoint/hub';
import type { ChatMessage } from '../chat-template';
import { RequestError, StartupError } from '../core/errors';
import { parseEncodeBody, renderVectors, type EncodeReply } from '../http/native/encode';
import { parseGenerateBody } from '../http/native/generate-body';
import { renderOptions, replyChunks, wholeReply, type GenerateReply } from '../http/native/generate-reply';
import { parseMemoryBody } from '../http/native/memory-occupation';
import { parseOpenBody } from '../http/native/sessions';
import {
  parseUpdateBody,
  readWeights,
  renderUpdate,
  type UpdateReply,
  type Values,
} from '../http/native/weights';
import { parseScoreBody } from '../http/openai/score';
import { Children } from '../launcher/children';
import { Frontend } from '../launcher/frontend';
import { Profiler } from '../launcher/profiler';
import type { ServerArgs } from '../server-args';
import { NO_ORIGIN } from '../tokenizer-manager';
import { readEngineArgs, type EngineArgs } from './args';
import type {
  EncodeRequest,
  GenerateRequest,
  MemoryTags,
  OpenSessionRequest,
  ReplyTo,
  ScoreRequest,
  UpdateWeightsRequest,
} from './wire';

export interface CallOptions {
  /** Ends the request when it fires; the call rejects with the signal's reason, a stream just ends. */
  readonly signal?: AbortSignal;
}

/** How long the children may take to close before they are killed. */
const CLOSE_GRACE_MS = 1_000;

/**
 * A model in this program, without HTTP: SGLang's offline engine. It runs in two processes of its own, which end with
 * `shutdown` or with this process; until then they keep it running.
 *
 * Calls may overlap: requests that run at the same time share the batches, and prompts that begin alike the prefix cache.
 */
export class Engine {
  private stopped: Promise<void> | null = null;

  private constructor(
    private readonly args: ServerArgs,
    private readonly children: Children,
    private readonly frontend: Frontend,
    /** Rejects when the engine cannot go on, or was shut down. */
    private readonly ended: Promise<never>,
    private readonly end: (error: Error) => void,
  ) {}

  /**
   * Starts the processes and loads the model.
   * @param args of `launch_server`: `{ modelPath: '…', contextLength: 2048 }`, or a command line. Only errors are logged
   *   unless `logLevel` says otherwise.
   * @throws UsageError for a wrong argument, StartupError of one line when the model cannot be loaded
   */
  static async create(args: EngineArgs | readonly string[] = {}): Promise<Engine> {
    const serverArgs = readEngineArgs(args, 'error');
    let end: (error: unknown) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => (end = reject));
    ended.catch(() => undefined);
    const children = new Children({ args: serverArgs, ...(await findModelFolders(serverArgs)) });
    children.failure.catch(end);
    try {
      const profiler = new Profiler(children.profiled);
      const frontend = await Frontend.start(children.init, children.ready(), end, profiler);
      await frontend.startRecords();
      return new Engine(serverArgs, children, frontend, ended, end);
    } catch (error) {
      await children.stop(0);
      throw error;
    }
  }

  /**
   * Completes one prompt or a list of them.
   * @returns with `stream: true` an iterator over the replies as they grow, else the whole reply: a list for a list
   * @throws RequestError naming what is wrong with the request
   */
  generate<R extends GenerateRequest & { readonly stream: true }>(
    request: R,
    options?: CallOptions,
  ): AsyncGenerator<GenerateReply>;
  generate<R extends GenerateRequest>(request: R, options?: CallOptions): Promise<ReplyTo<R, GenerateReply>>;
  generate(
    request: GenerateRequest & { readonly stream?: boolean },
    options: CallOptions = {},
  ): AsyncGenerator<GenerateReply> | Promise<GenerateReply | GenerateReply[]> {
    return request.stream ? this.stream(request, options) : this.whole(request, options);
  }

  /**
   * Turns texts into vectors; the engine must have been created with `isEmbedding: true`.
   * @throws RequestError
   */
  async encode<R extends EncodeRequest>(
    request: R,
    options: CallOptions = {},
  ): Promise<ReplyTo<R, EncodeReply>> {
    const work = async (signal: AbortSignal) => {
      const body = parseEncodeBody(request, NO_ORIGIN);
      const { manager } = this.frontend;
      return renderVectors(await manager.encode(body, signal), manager.served.weightVersion);
    };
    return (await this.call(work, options)) as ReplyTo<R, EncodeReply>;
  }

  /**
   * How likely each of `label_token_ids` is after the query with each of the items, or with the item before it.
   * @returns of each item: the probabilities of the labels in their order, which add up to 1 with `apply_softmax`
   * @throws RequestError
   */
  async score(request: ScoreRequest, options: CallOptions = {}): Promise<readonly (readonly number[])[]> {
    const work = async (signal: AbortSignal) => {
      const { request: parsed } = parseScoreBody(request, NO_ORIGIN);
      return (await this.frontend.manager.score(parsed, signal)).scores;
    };
    return this.call(work, options);
  }

  /**
   * Opens a session: requests that name it in `session_params` go on from each other.
   * @returns its name
   * @throws RequestError for a name that is in use
   */
  openSession(session: OpenSessionRequest): Promise<string> {
    return this.call(async () => this.frontend.manager.openSession(parseOpenBody(session)), {});
  }

  /** Forgets a session; its running requests go on. An unknown name is ignored. */
  closeSession(sessionId: string): Promise<void> {
    return this.call(async () => this.frontend.manager.closeSession(sessionId), {});
  }

  /**
   * Serves the weights of another checkpoint of the same model: a folder, or a name as `modelPath` has. They are loaded beside the
   * old ones; requests that run end first, those that come meanwhile wait.
   * @returns what became of it; one that fails says why and has changed nothing
   * @throws RequestError for a field that is wrong
   */
  updateWeightsFromDisk(request: UpdateWeightsRequest): Promise<UpdateReply> {
    const update = () => this.frontend.manager.weights.update(parseUpdateBody(request));
    return this.call(async () => renderUpdate(await update()), {});
  }

  /**
   * The first rows of a weight, by its name in the checkpoint; with several schedulers a list of them.
   * @throws RequestError for a weight that there is not
   */
  getWeightsByName(name: string, truncateSize = 100): Promise<Values> {
    return this.call(() => readWeights(this.frontend.manager, { name, truncate_size: truncateSize }), {});
  }

  /**
   * Gives memory back to the system until `resumeMemoryOccupation`; requests are refused until then.
   * @param tags all of it by default
   * @throws RequestError while requests run
   */
  releaseMemoryOccupation(tags?: MemoryTags): Promise<void> {
    return this.call(async () => this.frontend.manager.weights.release(parseMemoryBody({ tags })), {});
  }

  /** Takes the memory again; weights are read from disk. @throws RequestError when they cannot be */
  resumeMemoryOccupation(tags?: MemoryTags): Promise<void> {
    return this.call(async () => this.frontend.manager.weights.resume(parseMemoryBody({ tags })), {});
  }

  /**
   * The prompt for the next answer of a conversation, by the chat template of the checkpoint or of `chatTemplate`.
   * @throws RequestError when there is none, or when it refuses the conversation
   */
  async chatPrompt(messages: readonly ChatMessage[], options: CallOptions = {}): Promise<string> {
    const { chat } = this.frontend;
    if (chat === null) throw new RequestError('not_available', 'This engine has no chat template.');
    return (await this.call((signal) => chat.prompt({ messages }, signal), options)).text;
  }

  /**
   * Records from now on which experts the model chooses; drops what was recorded before.
   * @throws RequestError without `expertDistributionRecorderMode`, and where the model has no experts
   */
  async startExpertDistributionRecord(): Promise<void> {
    await this.call(() => this.frontend.manager.recordExperts('start'), {});
  }

  /** Records no more; what was recorded is kept until it is written. */
  async stopExpertDistributionRecord(): Promise<void> {
    await this.call(() => this.frontend.manager.recordExperts('stop'), {});
  }

  /**
   * Writes what was recorded, and drops it.
   * @returns paths of the files, in `SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR`
   */
  dumpExpertDistributionRecord(): Promise<readonly string[]> {
    return this.call(() => this.frontend.manager.recordExperts('dump'), {});
  }

  /** Ends the processes; calls in progress reject. Resolves when nothing is left. May be called again. */
  shutdown(): Promise<void> {
    this.end(new StartupError('The engine was shut down.'));
    this.stopped ??= this.children.stop(CLOSE_GRACE_MS).then(() => this.frontend.close());
    return this.stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  private async whole(
    request: GenerateRequest,
    callOptions: CallOptions,
  ): Promise<GenerateReply | GenerateReply[]> {
    return this.call(async (signal) => {
      const { job, options } = await this.start(request, signal);
      return wholeReply(job, options);
    }, callOptions);
  }

  private async *stream(request: GenerateRequest, { signal }: CallOptions): AsyncGenerator<GenerateReply> {
    const gone = new AbortController();
    const leave = () => gone.abort();
    signal?.addEventListener('abort', leave, { once: true });
    if (signal?.aborted) leave();
    try {
      if (this.stopped) await this.ended;
      const { job, options } = await Promise.race([this.start(request, gone.signal), this.ended]);
      const chunks = replyChunks(job, options);
      for (;;) {
        const next = await Promise.race([chunks.next(), this.ended]);
        if (next.done) return;
        yield next.value;
      }
    } catch (error) {
      if (!signal?.aborted) throw error;
    } finally {
      signal?.removeEventListener('abort', leave);
      leave();
    }
  }

  private async start(request: GenerateRequest, signal: AbortSignal) {
    const { args, frontend } = this;
    const body = parseGenerateBody(request, NO_ORIGIN);
    const job = await frontend.manager.generate(body.request, signal);
    return { job, options: renderOptions({ args, manager: frontend.manager }, body) };
  }

  /** Runs a call until it is done, its signal fires or the engine ends. */
  private async call<T>(work: (signal: AbortSignal) => Promise<T>, { signal }: CallOptions): Promise<T> {
    signal?.throwIfAborted();
    if (this.stopped) return this.ended;
    const gone = new AbortController();
    let leave = () => gone.abort();
    const left = new Promise<never>((_, reject) => {
      leave = () => {
        gone.abort();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([work(gone.signal), left, this.ended]);
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }
}
