import { events, type Server } from './harness';

/** What clients of `/generate` send and get, and the few ways in which the tests call it. */

export interface FinishReason {
  readonly type: 'stop' | 'length' | 'abort';
  readonly matched?: number | string;
  readonly length?: number;
  readonly message?: string;
  readonly status_code?: number | null;
}

export type Triple = readonly [logprob: number | null, id: number, text: string | null];

export interface MetaInfo {
  readonly id: string;
  readonly finish_reason: FinishReason | null;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  readonly total_retractions: number;
  readonly weight_version: string;
  readonly e2e_latency: number;
  readonly response_sent_to_client_ts: number;
  readonly input_token_logprobs: Triple[];
  readonly output_token_logprobs: Triple[];
  readonly input_top_logprobs: (Triple[] | null)[];
  readonly output_top_logprobs: (Triple[] | null)[];
  readonly input_token_ids_logprobs: (Triple[] | null)[];
  readonly output_token_ids_logprobs: (Triple[] | null)[];
}

export interface Reply {
  readonly text: string;
  readonly output_ids: number[];
  readonly meta_info: MetaInfo;
  /** In streams of several requests. */
  readonly index?: number;
}

type Body = Readonly<Record<string, unknown>>;

/** Sampling parameters for exactly `tokens` tokens, always the likeliest one. */
export function greedy(tokens: number, more: Body = {}): Body {
  return { temperature: 0, max_new_tokens: tokens, ignore_eos: true, ...more };
}

/** `count` token ids that every model here knows; different seeds have different first tokens. */
export function promptIds(count: number, seed = 0): number[] {
  return Array.from({ length: count }, (_, i) => 3 + ((i * i * 7 + i * 13 + seed * 101 + 5) % 480));
}

/** POST /generate that must succeed. */
export async function generate(server: Server, body: Body): Promise<Reply> {
  return (await success(server, body)) as Reply;
}

/** The same for a request that is answered with a list. */
export async function generateAll(server: Server, body: Body): Promise<Reply[]> {
  return (await success(server, body)) as Reply[];
}

async function success(server: Server, body: Body): Promise<unknown> {
  const reply = await server.post('/generate', body);
  const text = await reply.text();
  if (reply.status !== 200) throw new Error(`status ${reply.status}: ${text}`);
  return JSON.parse(text);
}

/** The status and the JSON body of any reply. */
export async function answer(
  reply: Response | Promise<Response>,
): Promise<{ status: number; body: unknown }> {
  const { status, text } = await plain(reply);
  return { status, body: JSON.parse(text) };
}

/** The status and the text of any reply. */
export async function plain(reply: Response | Promise<Response>): Promise<{ status: number; text: string }> {
  const settled = await reply;
  return { status: settled.status, text: await settled.text() };
}

/** A streamed request. Once it is open, the scheduler's inbox holds it, before any message that is sent later. */
export class Stream {
  readonly chunks: Reply[] = [];
  private readonly source: AsyncGenerator<Reply>;

  private constructor(
    reply: Response,
    private readonly connection: AbortController,
  ) {
    this.source = events(reply) as AsyncGenerator<Reply>;
  }

  static async open(server: Server, body: Body): Promise<Stream> {
    const connection = new AbortController();
    const reply = await server.post('/generate', { ...body, stream: true }, { signal: connection.signal });
    if (reply.status !== 200) throw new Error(`status ${reply.status}: ${await reply.text()}`);
    return new Stream(reply, connection);
  }

  /** Reads until a chunk satisfies `wanted`; without it, one more chunk. Fails when the stream ends before. */
  async until(wanted: (chunk: Reply) => boolean = () => true): Promise<Reply> {
    for (;;) {
      const { value, done } = await this.source.next();
      if (done) throw new Error('the stream ended early');
      this.chunks.push(value);
      if (wanted(value)) return value;
    }
  }

  /** Reads to the end. @returns the last chunk, which for several requests is that of the last to end */
  async rest(): Promise<Reply> {
    for await (const chunk of this.source) this.chunks.push(chunk);
    const last = this.chunks.at(-1);
    if (last === undefined) throw new Error('the stream was empty');
    return last;
  }

  /** Reads to the end. @returns the last chunk of each request, in the order of the request's list */
  async finals(): Promise<Reply[]> {
    await this.rest();
    const finals: Reply[] = [];
    for (const chunk of this.chunks) finals[chunk.index ?? 0] = chunk;
    return finals;
  }

  /** Drops the connection. */
  drop(): void {
    this.connection.abort();
  }
}

/** Every chunk of a streamed request. */
export async function streamed(server: Server, body: Body): Promise<Reply[]> {
  const stream = await Stream.open(server, body);
  await stream.rest();
  return stream.chunks;
}

/** What must not depend on how, when and beside what a request runs. */
export function outcome({ text, output_ids, meta_info }: Reply): Body {
  const { finish_reason, prompt_tokens, completion_tokens } = meta_info;
  return { text, output_ids, finish_reason, prompt_tokens, completion_tokens };
}

/** Waits until nothing runs and checks that no memory was lost: the cache can be emptied and the books balance. */
export async function expectClean(server: Server): Promise<void> {
  const flushed = await server.fetch('/flush_cache?timeout=20', { method: 'POST' });
  expect(flushed.status).toBe(200);
  expect(server.stderr).not.toMatch(/memory leak detected|Forward pass failed|Dropped a message/);
}

/** All values of a gauge that the batch lines of the log report, e.g. `#running-req`. */
export function logged(server: Server, gauge: string): number[] {
  return [...server.stderr.matchAll(new RegExp(`${gauge}: (\\d+)`, 'g'))].map(([, value]) => Number(value));
}
