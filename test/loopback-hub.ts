import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file's content by its name. */
export type Files = Readonly<Record<string, string | Buffer>>;

export interface Seen {
  /** `hub` or `cdn`. */
  readonly host: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<IncomingMessage['headers']>;
}

/** Answers a request in place of the hub; false leaves it to the hub. */
type Answer = (req: IncomingMessage, res: ServerResponse, seen: readonly Seen[]) => boolean;

export const COMMIT = '0123456789abcdef0123456789abcdef01234567';

/**
 * A Hugging Face hub on loopback: models with their commits and trees, files by HEAD and GET. Weights are redirected to a second
 * host as LFS files are, the others to another path of the same one. It asks for `Bearer secret` where it is private.
 */
export class LoopbackHub {
  readonly seen: Seen[] = [];
  /** Asked first. */
  answer: Answer = () => false;
  isPrivate = false;
  private hubPort = 0;
  private cdnPort = 0;
  private readonly models = new Map<string, Files>();
  private readonly hub = createServer((req, res) => this.serve('hub', req, res));
  private readonly cdn = createServer((req, res) => this.serve('cdn', req, res));

  static async start(models: Readonly<Record<string, Files>> = {}): Promise<LoopbackHub> {
    const hub = new LoopbackHub();
    for (const [name, files] of Object.entries(models)) hub.models.set(name, files);
    hub.hubPort = await listen(hub.hub);
    hub.cdnPort = await listen(hub.cdn);
    return hub;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.hubPort}`;
  }

  get cdnUrl(): string {
    return `http://127.0.0.1:${this.cdnPort}`;
  }

  /** Requests for the content of a file, on either host. */
  gets(part: string): Seen[] {
    return this.seen.filter(
      ({ method, url }) => method === 'GET' && url.includes(part) && !url.startsWith('/api/models'),
    );
  }

  close(): void {
    for (const server of [this.hub, this.cdn]) {
      server.close();
      server.closeAllConnections();
    }
  }

  private serve(host: string, req: IncomingMessage, res: ServerResponse): void {
    const url = req.url ?? '';
    this.seen.push({ host, method: req.method ?? '', url, headers: req.headers });
    if (this.answer(req, res, this.seen)) return;
    if (host === 'cdn') return this.content(url.slice(1), req, res);
    const path = decodeURIComponent(url.replace(/\?.*/, ''));
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/(.+)$/.exec(path);
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const kept = /^\/api\/resolve-cache\/([^/]+\/[^/]+\/.+)$/.exec(path);
    const name = api?.[1] ?? file?.[1] ?? kept?.[1]?.split('/').slice(0, 2).join('/') ?? '';
    const files = this.models.get(name);
    const isAllowed = !this.isPrivate || req.headers.authorization === 'Bearer secret';
    if (files === undefined || !isAllowed)
      return refuse(res, req.headers.authorization ? 404 : 401, 'RepoNotFound');
    res.setHeader('x-repo-commit', COMMIT);
    if (kept?.[1]) return this.content(kept[1], req, res);
    const revision = api?.[3] ?? file?.[2] ?? '';
    if (![COMMIT, 'main', 'refs/pr/1'].includes(revision)) return refuse(res, 404, 'RevisionNotFound');
    if (api)
      return json(
        res,
        api[2] === 'tree' ? tree(files) : { sha: COMMIT, id: name, siblings: siblings(files) },
      );
    const content = files[file?.[3] ?? ''];
    if (content === undefined) return refuse(res, 404, 'EntryNotFound');
    const isLfs = file?.[3]?.endsWith('.safetensors') === true;
    res.setHeader(isLfs ? 'x-linked-etag' : 'etag', isLfs ? `"${sha256(content)}"` : `"${gitSha(content)}"`);
    res.setHeader('x-linked-size', Buffer.byteLength(content));
    const key = `${name}/${file?.[3]}`;
    const location = isLfs ? `${this.cdnUrl}/${key}?signature=1` : `/api/resolve-cache/${key}`;
    res.writeHead(isLfs ? 302 : 307, { location }).end();
  }

  private content(key: string, req: IncomingMessage, res: ServerResponse): void {
    const [org = '', name = '', ...path] = key.replace(/\?.*/, '').split('/');
    const file = path.join('/');
    const content = Buffer.from(this.models.get(`${org}/${name}`)?.[file] ?? '');
    const from = Number(/^bytes=(\d+)-$/.exec(req.headers.range ?? '')?.[1] ?? 0);
    res.setHeader('etag', `"${gitSha(content)}"`);
    if (from > 0) res.setHeader('content-range', `bytes ${from}-${content.length - 1}/${content.length}`);
    res.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from });
    res.end(req.method === 'HEAD' ? undefined : content.subarray(from));
  }
}

export const sha256 = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');

export const gitSha = (content: string | Buffer): string =>
  createHash('sha1')
    .update(`blob ${Buffer.byteLength(content)}\0`)
    .update(content)
    .digest('hex');

/** What the hub says when it does not give something. */
export function refuse(
  res: ServerResponse,
  status: number,
  code?: string,
  headers: Record<string, string> = {},
): void {
  res
    .writeHead(status, { ...(code === undefined ? {} : { 'x-error-code': code }), ...headers })
    .end('{"error":"no"}');
}

function tree(files: Files): unknown[] {
  return Object.entries(files).map(([path, content]) => {
    const size = Buffer.byteLength(content);
    const lfs = path.endsWith('.safetensors')
      ? { lfs: { oid: sha256(content), size, pointerSize: 130 } }
      : {};
    return { type: 'file', path, size, oid: gitSha(content), ...lfs };
  });
}

function siblings(files: Files): unknown[] {
  return Object.keys(files).map((rfilename) => ({ rfilename }));
}

export function json(res: ServerResponse, value: unknown): void {
  res.setHeader('content-type', 'application/json').end(JSON.stringify(value));
}

async function listen(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
