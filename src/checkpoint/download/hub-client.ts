import { packageVersion } from '../../core/package';
import { errorMessage, StartupError } from '../../core/errors';
import { quote } from '../model-files';
import type { HubAccess } from './access';
import { refusal, unreachable, type Asked } from './refusal';
import { SilenceLimit } from './silence';
import { persist, Trouble, type Patience } from './trouble';

const MAX_REDIRECTS = 10;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** Listings of tens of thousands of files, a thousand on a page; more is nobody's model. */
const MAX_LIST_BYTES = 64 * 2 ** 20;
const MAX_LIST_ANSWERS = 200;
/** What may go better at the next try, even if the hub has never been reached. */
const PASSING = /^(ECONNRESET|EPIPE|EAI_AGAIN|UND_ERR_SOCKET)$/;

/** An answer whose body has not been read. */
export interface OpenAnswer {
  readonly response: Response;
  /** Where it comes from after redirects. */
  readonly url: URL;
  /** Must hear of every chunk, and be stopped. */
  readonly silence: SilenceLimit;
}

/**
 * Requests about one revision of one repository. Redirects are followed here and not by `fetch`, so that the token goes to the
 * hub's own origin and nowhere else, whatever it redirects to.
 */
export class HubClient {
  readonly patience: Patience;
  /** Whether the hub has ever answered. */
  private reached = false;
  /** What the hub may still answer about the repository: a list has pages, and each names the next. */
  private readonly left = { answers: MAX_LIST_ANSWERS, bytes: MAX_LIST_BYTES };

  constructor(
    readonly access: HubAccess,
    readonly repo: string,
    readonly revision: string,
    readonly signal: AbortSignal,
  ) {
    this.patience = { retryMs: access.retryMs, signal };
  }

  /**
   * A `fetch` for others: whole answers of the hub, statuses of 400 and more as errors that say what helps, troubles overcome.
   * @throws StartupError
   */
  readonly fetch = async (input: string | URL | Request): Promise<Response> => {
    const url = typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
    return persist(async () => {
      const answer = await this.open('GET', url, { accept: 'application/json' }, null);
      const chunks: Uint8Array[] = [];
      this.left.answers -= 1;
      for await (const chunk of this.chunks(answer, null)) {
        chunks.push(chunk);
        this.left.bytes -= chunk.length;
        if (Math.min(this.left.answers, this.left.bytes) < 0)
          throw new StartupError(`${this.repo}: the hub's list of files is too long.`);
      }
      const link = answer.response.headers.get('link');
      return new Response(Buffer.concat(chunks), { headers: link === null ? {} : { link } });
    }, this.patience);
  };

  /** The address of a file at a commit. */
  fileUrl(commit: string, file: string): string {
    const name = file.split('/').map(encodeURIComponent).join('/');
    return `${this.access.endpoint}/${this.repo}/resolve/${commit}/${name}`;
  }

  /**
   * What is known of a file.
   * @param isEnough whether an answer of the hub that sends one to another host says all: the hub knows files, other hosts bytes
   * @throws StartupError
   */
  async head(url: string, file: string, isEnough: (headers: Headers) => boolean): Promise<Response> {
    const { response, silence } = await persist(
      () => this.open('HEAD', url, { 'accept-encoding': 'identity' }, file, isEnough),
      this.patience,
    );
    silence.stop();
    return response;
  }

  /**
   * Begins to receive a file.
   * @param offset bytes that are there already
   * @throws Trouble or StartupError
   */
  async get(url: string, file: string, offset: number): Promise<OpenAnswer> {
    const range: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    return this.open('GET', url, { 'accept-encoding': 'identity', ...range }, file);
  }

  /** The chunks of an answer's body. @throws Trouble when it breaks off or falls silent */
  async *chunks({ response, silence }: OpenAnswer, file: string | null): AsyncGenerator<Uint8Array> {
    const reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
    try {
      while (reader !== undefined) {
        const { done, value } = await silence.orAborted(reader.read());
        if (done) return;
        silence.heard();
        yield value;
      }
    } catch (error) {
      throw this.broken(error, silence, this.asked(file));
    } finally {
      silence.stop();
      reader?.cancel().catch(() => undefined);
    }
  }

  private async open(
    method: 'GET' | 'HEAD',
    start: string,
    headers: Record<string, string>,
    file: string | null,
    isEnough: (headers: Headers) => boolean = () => false,
  ): Promise<OpenAnswer> {
    const asked = this.asked(file);
    let url = new URL(start);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const { response, silence } = await this.once(method, url, headers, asked);
      const location = response.headers.get('location');
      if (REDIRECTS.includes(response.status) && location !== null) {
        const next = redirectTarget(url, location, asked);
        if (!this.isHub(next) && isEnough(response.headers)) return { response, url, silence };
        silence.stop();
        await response.body?.cancel();
        url = next;
        continue;
      }
      if (response.status < 400 || (response.status === 416 && file !== null))
        return { response, url, silence };
      silence.stop();
      await response.body?.cancel();
      throw this.isHub(url)
        ? refusal(response.status, response.headers, asked)
        : this.hostFailed(url, response, asked);
    }
    throw new StartupError(`${this.repo}: the hub at ${this.access.endpoint} redirects without end.`);
  }

  private async once(
    method: string,
    url: URL,
    headers: Record<string, string>,
    asked: Asked,
  ): Promise<Omit<OpenAnswer, 'url'>> {
    const silence = new SilenceLimit(this.access.timeoutMs, this.signal);
    try {
      const answer = fetch(url, {
        method,
        headers: { 'user-agent': `sglang-node/${packageVersion()}`, ...headers, ...this.authorization(url) },
        redirect: 'manual',
        signal: silence.signal,
      });
      const response = await silence.orAborted(answer);
      this.reached = true;
      silence.heard();
      return { response, silence };
    } catch (error) {
      silence.stop();
      throw this.broken(error, silence, asked);
    }
  }

  private authorization(url: URL): Record<string, string> {
    const { token } = this.access;
    return token !== null && this.isHub(url) ? { authorization: `Bearer ${token.value}` } : {};
  }

  private isHub(url: URL): boolean {
    return url.origin === new URL(this.access.endpoint).origin;
  }

  private asked(file: string | null): Asked {
    return { access: this.access, repo: this.repo, revision: this.revision, file };
  }

  /** A host that files are kept on knows no tokens: its addresses run out, and the hub gives new ones. */
  private hostFailed(url: URL, { status }: Response, { file }: Asked): Trouble {
    return new Trouble(
      new StartupError(`${this.repo}: ${url.host}, where the hub keeps ${quote(file)}, answers ${status}.`),
    );
  }

  private broken(error: unknown, silence: SilenceLimit, asked: Asked): unknown {
    if (this.signal.aborted) return this.signal.reason;
    if (error instanceof StartupError || error instanceof Trouble) return error;
    const { cause } = error as { cause?: NodeJS.ErrnoException };
    const code = cause?.code ?? '';
    const reason = silence.isOver
      ? `silent for ${this.access.timeoutMs / 1000} s, see HF_HUB_DOWNLOAD_TIMEOUT`
      : code || errorMessage(cause ?? error);
    if (!this.reached) return new Trouble(unreachable(reason, asked), { hopeless: !PASSING.test(code) });
    const what = asked.file === null ? 'The list of files' : quote(asked.file);
    return new Trouble(
      new StartupError(
        `${this.repo}: ${what} could not be received to the end (${reason}). What is there is kept; another start goes on from it.`,
      ),
    );
  }
}

function redirectTarget(from: URL, location: string, { repo }: Asked): URL {
  const next = URL.canParse(location, from.href) ? new URL(location, from) : null;
  const isSafe =
    next !== null && (next.protocol === 'https:' || (next.protocol === 'http:' && from.protocol === 'http:'));
  if (!isSafe || next.username !== '') {
    throw new StartupError(`${repo}: ${from.host} redirects to ${quote(location)}, which is not followed.`);
  }
  return next;
}
