import http from 'node:http';
import https from 'node:https';

/** A bare keep-alive client: it shares its machine with the server it measures. */
export class HttpClient {
  private readonly transport: typeof http | typeof https;
  private readonly agent: http.Agent;

  /** @param headers sent with every request */
  constructor(
    private readonly baseUrl: string,
    private readonly headers: Readonly<Record<string, string>>,
  ) {
    this.transport = new URL(baseUrl).protocol === 'https:' ? https : http;
    this.agent = new this.transport.Agent({ keepAlive: true, maxSockets: Infinity });
  }

  /** @throws Error when there is no reply, or none with status 200 and a JSON body */
  async getJson(path: string): Promise<unknown> {
    const chunks: Buffer[] = [];
    const status = await this.request('GET', path, null, (chunk) => chunks.push(chunk));
    const text = Buffer.concat(chunks).toString();
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${text.slice(0, 300)}`);
    return JSON.parse(text) as unknown;
  }

  /**
   * Sends a JSON body, hands over the reply's bytes as they come and resolves with its status at its end.
   * @throws Error when the connection fails
   */
  async post(path: string, body: string, onChunk: (chunk: Buffer) => void): Promise<number> {
    return this.request('POST', path, body, onChunk);
  }

  close(): void {
    this.agent.destroy();
  }

  private request(
    method: string,
    path: string,
    body: string | null,
    onChunk: (chunk: Buffer) => void,
    isRetry = false,
  ): Promise<number> {
    const headers: Record<string, string | number> = { ...this.headers };
    if (body !== null) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    return new Promise((resolve, reject) => {
      let answered = false;
      const request = this.transport.request(
        this.baseUrl + path,
        { method, headers, agent: this.agent },
        (reply) => {
          answered = true;
          reply.on('data', onChunk);
          reply.on('error', reject);
          reply.on('end', () => resolve(reply.statusCode ?? 0));
        },
      );
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The server may close an idle connection at the moment it is used again; that is nobody's failure.
        const wasIdle = request.reusedSocket && error.code === 'ECONNRESET' && !answered && !isRetry;
        if (wasIdle) resolve(this.request(method, path, body, onChunk, true));
        else reject(error);
      });
      request.end(body ?? undefined);
    });
  }
}
