import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { isIPv6, type AddressInfo } from 'node:net';
import { StartupError } from '../core/errors';

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
  private handler: RequestListener = (_request, reply) =>
    answerUnavailable(reply, 'The server is starting: the model is still being loaded.');
  private readonly replies = new Set<ServerResponse>();
  private readonly server: Server;

  /**
   * Binds the address.
   * @param port 0 for any free port
   * @throws StartupError naming host and port when it cannot be bound
   */
  static async listen(host: string, port: number): Promise<HttpServer> {
    const http = new HttpServer(host);
    await new Promise<void>((resolve, reject) => {
      http.server.once('error', (error: NodeJS.ErrnoException) => {
        reject(new StartupError(`Cannot listen on ${authority(host, port)}: ${explain(error)}`));
      });
      http.server.listen(port, host, resolve);
    });
    return http;
  }

  private constructor(readonly host: string) {
    this.server = createServer(
      {
        keepAliveTimeout: KEEP_ALIVE_MS,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
      },
      (request, reply) => {
        this.replies.add(reply);
        reply.once('close', () => this.replies.delete(reply));
        this.handler(request, reply);
      },
    );
  }

  /** Hands all further requests to the application. */
  serve(application: RequestListener): void {
    this.handler = application;
  }

  /**
   * From now on answers 503 to what would start work, so that clients turn to another server. Reading and ending
   * requests stay possible.
   */
  refuseNewWork(): void {
    const application = this.handler;
    this.handler = (request, reply) => {
      const isAllowed =
        request.method === 'GET' || request.method === 'OPTIONS' || request.url === '/abort_request';
      if (isAllowed) application(request, reply);
      else answerUnavailable(reply, 'The server is shutting down.');
    };
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
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
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

function answerUnavailable(reply: ServerResponse, message: string): void {
  const body = JSON.stringify({ object: 'error', message, type: '503', param: null, code: 503 });
  reply.writeHead(503, { 'content-type': 'application/json', connection: 'close' });
  reply.end(body);
}
