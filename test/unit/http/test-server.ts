import { setTimeout as sleep } from 'node:timers/promises';
import type { ChatTemplate } from '../../../src/chat-template';
import type { ModelFacts } from '../../../src/core/model-facts';
import type { FinishReason } from '../../../src/core/request';
import type { GenerateMsg } from '../../../src/ipc/messages';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer';
import { levelOf } from '../../../src/http/route';
import { createApp } from '../../../src/http/app';
import { ServerStatus } from '../../../src/http/app-deps';
import { NO_METRICS } from '../../../src/metrics/recorder';
import { MetricsRegistry } from '../../../src/metrics/registry';
import { HttpServer } from '../../../src/http/server';
import { Profiler } from '../../../src/launcher/profiler';
import type { ServerArgs } from '../../../src/server-args/server-args';
import { TokenizerManager } from '../../../src/tokenizer-manager';
import { FakeScheduler } from '../tokenizer-manager/fake-scheduler';
import { ByteTokenizer, EOS, FACTS, InlineTokenizer, makeArgs } from '../tokenizer-manager/fixtures';

/** Of a checkpoint that is not there. */
const CARD = {
  parameters: 3_600_000,
  format: 'safetensors' as const,
  precision: 'BF16',
  bytes: 7_200_000,
  modifiedAt: 0,
  digest: 'ab'.repeat(32),
  config: { hidden_size: 64 },
};

/** Between two pieces of an answer, for the client to see them apart. */
const PAUSE_MS = 5;

type IRoute = Parameters<typeof levelOf>[0];

/** Routes of a router and of all routers inside it. */
function routesOf(stack: readonly { route?: IRoute; handle?: unknown }[]): IRoute[] {
  return stack.flatMap(({ route, handle }) => {
    const inner = (handle as { stack?: readonly { route?: IRoute }[] } | undefined)?.stack;
    return [...(route === undefined ? [] : [route]), ...(inner === undefined ? [] : routesOf(inner))];
  });
}

interface Options {
  readonly args?: Partial<ServerArgs>;
  /** Default: a tokenizer of bytes. */
  readonly tokenizer?: Tokenizer | null;
  readonly chat?: ChatTemplate;
  readonly facts?: Partial<ModelFacts>;
}

/** The application on a real socket, with a scheduler made for tests behind it. Close it after use. */
export class TestServer {
  readonly scheduler = new FakeScheduler();
  readonly status = new ServerStatus();
  /** Of this process alone. */
  readonly profiler = new Profiler([]);
  readonly manager: TokenizerManager;
  readonly app: ReturnType<typeof createApp>;

  private constructor(
    private readonly http: HttpServer,
    { args, facts, tokenizer = new ByteTokenizer(), chat }: Options,
  ) {
    const deps = { args: makeArgs(args), facts: { ...FACTS, ...facts } };
    const metrics = deps.args.enableMetrics ? new MetricsRegistry(deps.args) : null;
    this.manager = new TokenizerManager({
      ...deps,
      tokenizer: tokenizer && new InlineTokenizer(tokenizer),
      template: chat?.source ?? null,
      toSchedulers: [this.scheduler],
      metrics: metrics ?? NO_METRICS,
      findModelDir: (name) => Promise.resolve(`/models/${name}`),
    });
    this.scheduler.deliver = (message) => this.manager.handle(message);
    this.status.phase = 'up';
    this.app = createApp({
      ...deps,
      card: () => CARD,
      manager: this.manager,
      chat: chat ?? null,
      metrics,
      profiler: this.profiler,
      status: this.status,
    });
    http.serve(this.app);
  }

  static async start(options: Options = {}): Promise<TestServer> {
    return new TestServer(await HttpServer.listen('127.0.0.1', 0), options);
  }

  /** The routes of the live router. */
  get routes(): { path: string; methods: string[]; level: string | undefined }[] {
    return routesOf(this.app.router.stack).map((route) => ({
      path: route.path,
      methods: [...new Set(route.stack.map(({ method }) => method))]
        .filter((method) => method !== undefined)
        .map((method) => method.toUpperCase()),
      level: levelOf(route),
    }));
  }

  get url(): string {
    return this.http.url;
  }

  close(): Promise<void> {
    this.http.close();
    return Promise.resolve();
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.url + path, { headers });
  }

  /** @param body sent as JSON, or as it is where it is a string */
  post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    const headers = { 'content-type': 'application/json', ...(init.headers as Record<string, string>) };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return fetch(this.url + path, { method: 'POST', body: text, ...init, headers });
  }

  /** Status and JSON body of a POST. */
  async ask(path: string, body: unknown, init: RequestInit = {}): Promise<{ status: number; body: unknown }> {
    const reply = await this.post(path, body, init);
    return { status: reply.status, body: await reply.json() };
  }

  /** The events of a streaming POST, `[DONE]` included as text. */
  async stream(path: string, body: unknown): Promise<{ reply: Response; events: unknown[] }> {
    const reply = await this.post(path, body);
    const parts = (await reply.text()).split('\n\n');
    if (parts.pop() !== '') throw new Error('the stream does not end with an event');
    const events = parts.map((part): unknown => {
      if (!part.startsWith('data: ')) throw new Error(`not an event: ${part}`);
      return part === 'data: [DONE]' ? '[DONE]' : JSON.parse(part.slice('data: '.length));
    });
    return { reply, events };
  }

  /** The request that the scheduler was sent last. */
  get sent(): GenerateMsg | undefined {
    return this.scheduler.all('generate').at(-1);
  }

  /** Its prompt, of the tokens of `ByteTokenizer`. */
  get prompt(): string {
    return Buffer.from(this.sent?.inputIds ?? []).toString('latin1');
  }

  /** Writes an answer in pieces once a request is there. */
  async write(pieces: readonly string[], end: FinishReason = { type: 'stop', matched: EOS }): Promise<void> {
    while (this.scheduler.liveRids.length === 0) await sleep(PAUSE_MS);
    const [rid = ''] = this.scheduler.liveRids;
    for (const [i, text] of pieces.entries()) {
      this.scheduler.emit(rid, text, i === pieces.length - 1 ? end : null);
      await sleep(PAUSE_MS);
    }
  }
}
