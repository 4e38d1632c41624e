import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import { RequestError, StartupError } from '../core/errors';
import { limitConnections, maxClients } from './connection-limit';
import { dialectOfPath } from './dialect';
import { endReply, RETRY_AFTER_S } from './end-reply';
import { assignRequestId } from './request-id';

const KEEP_ALIVE_MS = 5_000;
/** To receive the head of a request. */
const HEADERS_TIMEOUT_MS = 30_000;
/** To receive a request with its body. Replies may take as long as they need. */
const REQUEST_TIMEOUT_MS = 300_000;

/**
 * The listening socket and the replies in progress. Bound before the model loads, so that a port in use is known at
 * once; until the application is set, every request is answered 503.
 */
export class HttpServer {
  private handler: RequestListener = answerStarting;
  private readonly replies = new Set<ServerResponse>();
  private readonly server: Server;

  /**
   * Binds the address.
   * @param port 0 for any free port
   * @param clients most connections at a time, null without a limit
   * @throws StartupError naming host and port when it cannot be bound
   */
  static async listen(host: string, port: number, clients = maxClients()): Promise<HttpServer> {
    const http = new HttpServer(bare(host), clients);
    await new Promise<void>((resolve, reject) => {
      http.server.once('error', (error: NodeJS.ErrnoException) => {
        reject(new StartupError(`Cannot listen on ${authority(http.host, port)}: ${explain(error)}`));
      });
      http.server.listen(port, http.host, resolve);
    });
    return http;
  }

  private constructor(
    readonly host: string,
    clients: number | null,
  ) {
    this.server = createServer(
      {
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
      },
      this.take,
    );
    limitConnections(this.server, clients);
    // A client that asks before it sends its body is told to go on by whoever reads it.
    this.server.on('checkContinue', this.take);
  }

  private readonly take: RequestListener = (request, reply) => {
    this.replies.add(reply);
    reply.once('close', () => this.replies.delete(reply));
    assignRequestId(request, reply);
    this.handler(request, reply);
  };

  /** Hands all further requests to the application. */
  serve(application: RequestListener): void {
    this.handler = application;
  }

  /** The bound port. */
  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** As the operator gave it: `http://<host>:<port>`. */
  get url(): string {
    return `http://${authority(this.host, this.port)}`;
  }

  /** An address at which this machine reaches the server, also when it is bound to every interface. */
  get localUrl(): string {
    const any: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1', '': 'localhost' };
    return `http://${authority(any[this.host] ?? this.host, this.port)}`;
  }

  /** Replies that have not been handed to the operating system completely, nor given up by their client. */
  get openReplies(): number {
    return this.replies.size;
  }

  /** Stops listening and cuts what is still connected. */
  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** Whether only this machine can reach a server bound to `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || bare(host) === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** A host without the brackets that an IPv6 address wears in a URL. */
function bare(host: string): string {
  const inner = /^\[(.*)\]$/.exec(host)?.[1] ?? '';
  return isIPv6(inner) ? inner : host;
}

function authority(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use. Stop the process that has it, or choose another with --port.',
  EACCES: 'permission denied. Choose a port from 1024 on with --port.',
  EADDRNOTAVAIL: 'this machine has no such address. Check --host.',
  ENOTFOUND: 'the host name is unknown. Check --host.',
};

function explain(error: NodeJS.ErrnoException): string {
  return EXPLANATIONS[error.code ?? ''] ?? error.message;
}

const answerStarting: RequestListener = (request, reply) => {
  const error = new RequestError('overloaded', 'The server is starting: the model is still being loaded.');
  reply.statusCode = error.status;
  reply.setHeader('content-type', 'application/json; charset=utf-8');
  reply.setHeader('connection', 'close');
  reply.setHeader('retry-after', RETRY_AFTER_S);
  const dialect = dialectOfPath(request.url ?? '/');
  endReply(request, reply, JSON.stringify(dialect.errorBody(error)));
};
