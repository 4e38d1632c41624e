import { setTimeout as sleep } from 'node:timers/promises';
import { bug, errorMessage } from '../core/errors';
import { logger } from '../logging/logger';
import { formatServerArgs, toPublicArgs, type ServerArgs } from '../server-args';
import { drain, drainLimits, reasonNotToDrain, type Workload } from './drain';
import type { Frontend } from './frontend';
import { HttpServer, isLoopback } from '../http/server';
import { findModelFolders } from '../checkpoint/hub';
import type { StopSignal } from './signals';
import { SoftWatchdog } from '../child/soft-watchdog';
import { Children } from './children';
import { Profiler } from './profiler';
import { warmUp } from './warmup';

/** How long children that serve may take to close before they are killed. */
const CLOSE_GRACE_MS = 1_000;
/** The same for children that still load: they hold nothing that is worth closing, and may be too busy to hear. */
const LOADING_GRACE_MS = 100;
/** How long clients may take to be told that the server has failed. */
const FAILURE_GRACE_MS = 500;
const POLL_MS = 10;

/**
 * The main process with all it owns: the listening socket, the children, the frontend. `close` frees everything, at
 * whatever point `start` has got to.
 */
export class MainProcess {
  /** Rejects with the first error that the server cannot outlive. Never resolves. */
  readonly failure: Promise<never>;

  /** Tells of an error that the server cannot outlive. */
  readonly fail: (error: unknown) => void;
  private http: HttpServer | null = null;
  private children: Children | null = null;
  private frontend: Frontend | null = null;
  private profiler: Profiler | null = null;
  private closed = false;
  /** Ends a download. */
  private readonly stopped = new AbortController();

  constructor(private readonly flags: ServerArgs) {
    let fail: (error: unknown) => void = () => undefined;
    this.failure = new Promise((_, reject) => (fail = reject));
    this.failure.catch(() => undefined);
    this.fail = fail;
  }

  /**
   * From the flags to a server that has answered its first request. Children and frontend load side by side.
   * @throws StartupError, ChildDiedError or WarmupError
   */
  async start(): Promise<void> {
    const http = await this.listen();
    const args = { ...this.flags, port: http.port };
    logger.log('info', `server_args=${formatServerArgs(args)}`);
    const children = await this.startChildren(args);
    if (args.softWatchdogTimeout !== null) new SoftWatchdog('TokenizerManager', args.softWatchdogTimeout);

    const frontend = await this.startFrontend(children);
    logUvicorn(`Started server process [${process.pid}]`);
    logUvicorn('Waiting for application startup.');
    http.serve(frontend.application);
    logUvicorn('Application startup complete.');
    logUvicorn(`Uvicorn running on ${http.url} (Press CTRL+C to quit)`);

    if (!args.skipServerWarmup) await warmUp(http.localUrl, args, frontend.facts);
    await frontend.startRecords();
    if (frontend.status.phase === 'starting') frontend.status.phase = 'up';
    logger.log('info', 'The server is fired up and ready to roll!');
  }

  /** Address of the server, once `start` has begun to listen. */
  get url(): string {
    if (this.http === null) throw bug('The server does not listen');
    return this.http.localUrl;
  }

  /**
   * Refuses new work and lets the requests in progress finish, for as long as the environment grants. Returns at once
   * when there are none, or when waiting would be in vain.
   */
  async drain(signal: StopSignal): Promise<void> {
    const { http, frontend } = this;
    if (http === null || frontend === null) return;
    frontend.status.phase = 'draining';
    frontend.endDownloads();
    const reason = reasonNotToDrain(frontend.isResponsive);
    if (reason !== null) {
      logger.log('error', `Signal ${signal} received while ${reason}. Force exiting.`);
      return;
    }
    const work: Workload = {
      pendingRids: () => frontend.pendingRids,
      openReplies: () => http.openReplies,
      abortAll: () => frontend.abortAll(),
    };
    await drain(work, drainLimits(this.flags.drainTimeout));
    await this.profiler?.close();
  }

  /** Lets clients know when the server cannot go on, as far as they read on for a moment. */
  async failClients(): Promise<void> {
    const { http, frontend } = this;
    if (http === null || frontend === null) return;
    frontend.status.phase = 'draining';
    frontend.failAll('The server has failed and stops.');
    const end = performance.now() + FAILURE_GRACE_MS;
    while (http.openReplies > 0 && performance.now() < end) await sleep(POLL_MS);
  }

  /** What is left to do for the operator when the server cannot go on. */
  reportCrash(error: unknown): void {
    try {
      this.frontend?.dumpRequests(errorMessage(error), toPublicArgs(this.flags));
    } catch (failure) {
      logger.log('error', `The requests of the last minutes could not be written: ${errorMessage(failure)}`);
    }
  }

  /**
   * Frees everything; resolves when nothing is left. May be called again with a shorter grace.
   * @param graceMs how long the children may take to close before they are killed
   */
  async close(graceMs = this.frontend === null ? LOADING_GRACE_MS : CLOSE_GRACE_MS): Promise<void> {
    this.closed = true;
    this.stopped.abort();
    this.http?.close();
    await this.children?.stop(graceMs);
    this.frontend?.close();
    if (this.flags.enableTrace) await (await import('../tracing/sdk.js')).flushSdk();
  }

  /** Binds the address first of all: nobody should wait for a model to learn that the port is taken. */
  private async listen(): Promise<HttpServer> {
    const { host, port, apiKey } = this.flags;
    const http = await HttpServer.listen(host, port);
    this.http = http;
    if (apiKey === null && !isLoopback(host)) {
      logger.log(
        'warning',
        `ANYONE WHO CAN REACH ${http.url} CAN USE THIS SERVER: it listens beyond this machine and asks for no key. ` +
          'Set --api-key, or --host 127.0.0.1.',
      );
    }
    return http;
  }

  /** A model that is not on this machine is downloaded before. */
  private async startChildren(args: ServerArgs): Promise<Children> {
    const folders = await findModelFolders(args, this.stopped.signal);
    if (this.closed) throw bug('The server was closed before its children were started');
    const children = new Children({ args, ...folders });
    this.children = children;
    children.failure.catch(this.fail);
    return children;
  }

  /** Its modules are loaded here and not earlier: they take as long as the children need to get going. */
  private async startFrontend(children: Children): Promise<Frontend> {
    const module = await import('./frontend.js');
    this.profiler = new Profiler(children.profiled);
    this.frontend = await module.Frontend.start(children.init, children.ready(), this.fail, this.profiler);
    return this.frontend;
  }
}

/** A line in the form of the web server that SGLang's users know from their logs. */
function logUvicorn(text: string): void {
  logger.log('info', `INFO:     ${text}`);
}
