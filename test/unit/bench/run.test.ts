import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseOptions } from '../../../bench/serving/options';
import { runBenchmark } from '../../../bench/serving/run';

interface Seen {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

/** A server with canned replies: it "generates" the token text `"completion_tokens":99` again and again. */
class FakeServer {
  readonly seen: Seen[] = [];
  /** Fails these requests to the generation routes, counted from 0. */
  failing = new Set<number>();
  nonsense = false;
  private generations = 0;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, reply) => {
      let text = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      request.on('end', () => {
        const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
        this.seen.push({ path: request.url ?? '', headers: request.headers, body });
        this.answer(request.url ?? '', body, reply);
      });
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  requests(path: string): Seen[] {
    return this.seen.filter((request) => request.path === path);
  }

  private answer(path: string, body: Record<string, unknown>, reply: ServerResponse): void {
    if (path === '/v1/models') return void reply.end('{"data":[{"id":"served"}]}');
    if (path === '/get_server_info')
      return void reply.end('{"internal_states":[{"avg_spec_accept_length":1.5}]}');
    if (path === '/flush_cache') return void reply.end('Cache flushed.');
    if (this.failing.has(this.generations++)) {
      reply.statusCode = 503;
      return void reply.end('{"message":"full"}');
    }
    if (this.nonsense) return void reply.end('data: nonsense\n\n');
    if (path === '/generate') this.generate(body, reply);
    else this.complete(body, reply, path === '/v1/chat/completions');
  }

  private generate(body: Record<string, unknown>, reply: ServerResponse): void {
    const { max_new_tokens: total } = body['sampling_params'] as { max_new_tokens: number };
    const event = (count: number) => ({
      text: TOKEN.repeat(count),
      output_ids: Array<number>(count).fill(7),
      meta_info: {
        finish_reason: count === total ? { type: 'length', length: total } : null,
        completion_tokens: count,
      },
    });
    if (body['stream'] !== true) return void reply.end(JSON.stringify(event(total)));
    const bytes = Buffer.from(
      Array.from({ length: total }, (_, i) => `data: ${JSON.stringify(event(i + 1))}\n\n`).join('') +
        'data: [DONE]\n\n',
    );
    // Cut where it hurts: chunks know nothing of events.
    for (let at = 0; at < bytes.length; at += 37) reply.write(bytes.subarray(at, at + 37));
    reply.end();
  }

  private complete(body: Record<string, unknown>, reply: ServerResponse, isChat: boolean): void {
    const total = body['max_tokens'] as number;
    const whole = (text: string) => (isChat ? { message: { content: text } } : { text });
    const piece = (text: string) => (isChat ? { delta: { content: text } } : { text });
    const usage = { completion_tokens: total };
    if (body['stream'] !== true) {
      return void reply.end(JSON.stringify({ choices: [whole(TOKEN.repeat(total))], usage }));
    }
    for (let i = 0; i < total; i++) {
      reply.write(`data: ${JSON.stringify({ choices: [{ index: 0, ...piece(TOKEN) }], usage: null })}\n\n`);
    }
    reply.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
  }
}

const TOKEN = '"completion_tokens":99 ';

describe('runBenchmark', () => {
  let server: FakeServer;
  let url: string;
  let folder: string;
  let printed: string;

  beforeEach(async () => {
    server = new FakeServer();
    url = await server.listen();
    folder = mkdtempSync(join(tmpdir(), 'bench-'));
    printed = '';
  });
  afterEach(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  const run = (...flags: string[]) => {
    const small = [
      '--num-prompts',
      '6',
      '--random-input-len',
      '9',
      '--random-output-len',
      '4',
      '--vocab-size',
      '20',
    ];
    const argv = ['--base-url', url, ...small, '--random-range-ratio', '1', ...flags];
    return runBenchmark(parseOptions(argv), (text) => (printed += `${text}\n`));
  };
  const record = (): Record<string, unknown> => {
    const [line, ...more] = readFileSync(join(folder, 'out.jsonl'), 'utf8').trim().split('\n');
    expect(more).toEqual([]);
    return JSON.parse(line ?? '') as Record<string, unknown>;
  };

  it.each([
    { backend: 'sglang', path: '/generate', stream: true },
    { backend: 'sglang', path: '/generate', stream: false },
    { backend: 'sglang-oai', path: '/v1/completions', stream: true },
    { backend: 'sglang-oai', path: '/v1/completions', stream: false },
  ])('measures $backend (stream: $stream)', async ({ backend, path, stream }) => {
    const flags = ['--backend', backend, '--output-file', join(folder, 'out.jsonl'), '--output-details'];
    const summary = await run(...flags, ...(stream ? [] : ['--disable-stream']));
    expect(summary).toMatchObject({ completed: 6, failed: 0, totalInput: 54, totalOutput: 24 });
    expect(summary.e2e.mean).toBeGreaterThan(0);
    expect(summary.ttft.mean).toBeGreaterThan(0);
    // One warm-up request comes before the six.
    expect(server.requests(path)).toHaveLength(7);
    const details = record();
    expect(details['output_lens']).toEqual(Array(6).fill(4));
    expect(details['generated_texts']).toEqual(Array(6).fill(TOKEN.repeat(4)));
    expect((details['itls'] as number[][]).map((gaps) => gaps.length)).toEqual(Array(6).fill(stream ? 3 : 0));
  });

  it.each([true, false])('measures a chat (stream: %s)', async (stream) => {
    const file = join(folder, 'conversations.json');
    const turns = [{ value: 'What is it?' }, { value: 'It is this.' }];
    writeFileSync(file, JSON.stringify(Array.from({ length: 6 }, () => ({ conversations: turns }))));
    const dataset = ['--dataset-name', 'sharegpt', '--dataset-path', file, '--sharegpt-output-len', '4'];
    const flags = stream ? dataset : [...dataset, '--disable-stream'];
    const details = ['--output-file', join(folder, 'out.jsonl'), '--output-details'];
    expect(await run('--backend', 'sglang-oai-chat', ...flags, ...details)).toMatchObject({
      completed: 6,
      totalOutput: 24,
    });
    expect(server.requests('/v1/chat/completions')[0]?.body).toMatchObject({
      model: 'served',
      messages: [{ role: 'user', content: 'What is it?' }],
      max_tokens: 4,
    });
    expect(record()['generated_texts']).toEqual(Array(6).fill(TOKEN.repeat(4)));
  });

  it('sends no ids to a chat', async () => {
    await expect(run('--backend', 'sglang-oai-chat')).rejects.toThrow('sglang-oai-chat sends text');
  });

  it('sends what the flags say', async () => {
    await run(
      ...['--extra-request-body', '{"priority":3}', '--header', 'x-test=yes', '--max-concurrency', '2'],
      ...['--flush-cache', '--warmup-requests', '2', '--request-rate', '2000', '--disable-ignore-eos'],
    );
    const [request] = server.requests('/generate');
    expect(request?.headers).toMatchObject({ 'x-test': 'yes', 'content-type': 'application/json' });
    expect(request?.body).toMatchObject({
      stream: true,
      priority: 3,
      sampling_params: { temperature: 0, max_new_tokens: 4, ignore_eos: false },
    });
    expect(request?.body['input_ids']).toHaveLength(9);
    expect(server.requests('/generate')).toHaveLength(8);
    expect(server.seen.findIndex(({ path }) => path === '/flush_cache')).toBe(
      server.seen.map(({ path }) => path).indexOf('/generate') + 2,
    );
  });

  it('names the served model', async () => {
    await run('--backend', 'sglang-oai');
    expect(server.requests('/v1/completions')[0]?.body['model']).toBe('served');
  });

  it('writes table and record', async () => {
    await run('--tag', 'mine', '--output-file', join(folder, 'out.jsonl'));
    expect(printed).toMatch(/^Successful requests: {20} {1}6$/m);
    for (const label of [
      'Backend:',
      'Accept length:',
      'Mean TTFT (ms):',
      'P99 ITL (ms):',
      'Median TPOT (ms):',
    ]) {
      expect(printed).toContain(label);
    }
    expect(record()).toMatchObject({
      tag: 'mine',
      backend: 'sglang',
      dataset_name: 'random-ids',
      request_rate: 'inf',
      max_concurrency: null,
      completed: 6,
      total_input_tokens: 54,
      total_output_tokens: 24,
      total_output_tokens_retokenized: null,
      accept_length: 1.5,
      server_info: { internal_states: [{ avg_spec_accept_length: 1.5 }] },
    });
    for (const span of ['e2e_latency_ms', 'ttft_ms', 'tpot_ms', 'itl_ms']) {
      expect(typeof record()[`p99_${span}`]).toBe('number');
    }
    expect(record()).not.toHaveProperty('itls');
  });

  it('counts a reply that makes no sense as a failure', async () => {
    server.nonsense = true;
    await expect(run('--backend', 'sglang-oai')).rejects.toThrow(
      'The warm-up request failed: Unexpected token',
    );
    await expect(run()).rejects.toThrow('The warm-up request failed: Unexpected token');
  });

  it('counts failures and goes on', async () => {
    server.failing = new Set([2, 4]);
    expect(await run('--max-concurrency', '1')).toMatchObject({ completed: 4, failed: 2, totalOutput: 16 });
    expect(printed).toContain('2 × status 503: {"message":"full"}');
  });

  it('ends when the warm-up fails', async () => {
    server.failing = new Set([0]);
    await expect(run()).rejects.toThrow('The warm-up request failed: status 503');
    server.close();
    await expect(run('--model', 'm')).rejects.toThrow('ECONNREFUSED');
  });

  it('asks for the size of the vocabulary where it cannot know', async () => {
    const argv = ['--base-url', url, '--num-prompts', '1'];
    await expect(runBenchmark(parseOptions(argv), () => undefined)).rejects.toThrow('--vocab-size');
  });
});
