import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, expectClean, generate, greedy, logged, promptIds, Stream, streamed } from './client';
import { launch, type Server } from './harness';

const refused = (message: string) => ({ status: 400, body: { error: { message } } });

describe('the length of a request', () => {
  test('is limited by the context', async () => {
    const server = await launch(['--max-total-tokens', '1000', '--context-length', '500']);
    const ask = (body: object) => answer(server.post('/generate', body));
    expect(await ask({ input_ids: promptIds(500) })).toEqual(
      refused("The input (500 tokens) is longer than the model's context length (500 tokens)."),
    );
    expect(await ask({ text: 'hello '.repeat(2000), sampling_params: { max_new_tokens: 1 } })).toMatchObject({
      status: 400,
      body: {
        error: { message: expect.stringContaining("is longer than the model's context length (500 tokens)") },
      },
    });
    expect(await ask({ input_ids: promptIds(100), sampling_params: greedy(400) })).toEqual(
      refused(
        "Requested token count exceeds the model's maximum context length of 500 tokens. You requested a total of " +
          '500 tokens: 100 tokens from the input messages and 400 tokens for the completion. Please reduce the ' +
          'number of tokens in the input messages or the completion to fit within the limit.',
      ),
    );
    // An error of one prompt refuses the batch.
    expect((await ask({ input_ids: [[5], promptIds(500)], sampling_params: greedy(1) })).status).toBe(400);
    const last = await generate(server, { input_ids: promptIds(100), sampling_params: greedy(398) });
    expect(last.meta_info.completion_tokens).toBe(398);
    const { max_req_input_len } = (await (await server.fetch('/server_info')).json()) as Record<
      string,
      number
    >;
    expect(await ask({ input_ids: promptIds(499), sampling_params: { max_new_tokens: 0 } })).toEqual(
      refused(
        `Input length (499 tokens) exceeds the maximum allowed length (${max_req_input_len} tokens). ` +
          'Use a shorter input or enable --allow-auto-truncate.',
      ),
    );
    await expectClean(server);
    await server.stop();
  });

  test('is limited by the memory, in which a prompt leaves room for its output', async () => {
    const server = await launch(['--max-total-tokens', '300']);
    const info = (await (await server.fetch('/server_info')).json()) as Record<string, number>;
    expect(info['max_total_num_tokens']).toBe(300);
    expect(info['max_req_input_len']).toBe(294);
    expect(await answer(server.post('/generate', { input_ids: promptIds(295) }))).toEqual(
      refused(
        'Input length (295 tokens) exceeds the maximum allowed length (294 tokens). ' +
          'Use a shorter input or enable --allow-auto-truncate.',
      ),
    );
    const stream = await Stream.open(server, { input_ids: promptIds(295) });
    expect((await stream.rest()).meta_info.finish_reason).toMatchObject({ type: 'abort', status_code: 400 });
    // The output is cut to what there is room for.
    const { meta_info } = await generate(server, {
      input_ids: promptIds(290),
      sampling_params: greedy(1000),
    });
    expect(meta_info.finish_reason?.type).toBe('length');
    expect(290 + meta_info.completion_tokens).toBeLessThan(300);
    expect(meta_info.completion_tokens).toBeGreaterThan(0);
    await expectClean(server);
    await server.stop();
  });

  test('is cut, where the server is told so', async () => {
    const server = await launch(['--allow-auto-truncate', '--context-length', '200']);
    const { meta_info } = await generate(server, { input_ids: promptIds(1000), sampling_params: greedy(50) });
    expect(meta_info.prompt_tokens).toBeLessThan(200);
    expect(meta_info.finish_reason?.type).toBe('length');
    await server.stop();
  });

  test('four requests without a limit run together, though not all of them could run to the end', async () => {
    const flags = ['--max-total-token', '1536', '--context-len', '2048', '--decode-log-interval', '2'];
    const server = await launch(flags, { SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION: '256' });
    const streams = await Promise.all(
      [1, 2, 3, 4].map((seed) =>
        Stream.open(server, {
          input_ids: promptIds(20, seed),
          sampling_params: greedy(1, { max_new_tokens: null }),
        }),
      ),
    );
    await server.logged('#running-req: 4');
    const ends = await Promise.all(streams.map((stream) => stream.rest()));
    for (const { meta_info } of ends) {
      expect(meta_info.finish_reason?.type).toBe('length');
      expect(meta_info.completion_tokens).toBeGreaterThan(1000);
    }
    expect(Math.max(...logged(server, '#running-req'))).toBe(4);
    await expectClean(server);
    await server.stop();
  });
});

describe('without a tokenizer', () => {
  const body = { input_ids: promptIds(15), sampling_params: greedy(40) };

  test('ids go in and ids come out, in a stream as segments', async () => {
    const [server, withText] = await Promise.all([
      launch(['--skip-tokenizer-init', '--stream-output']),
      launch(['--stream-output']),
    ]);
    const whole = await generate(server, body);
    const wholeText = await generate(withText, body);
    expect(whole).not.toHaveProperty('text');
    expect(whole.output_ids).toEqual(wholeText.output_ids);
    for (const each of [server, withText]) {
      const chunks = await streamed(each, body);
      expect(chunks.length).toBeGreaterThan(3);
      expect(chunks.flatMap(({ output_ids }) => output_ids)).toEqual(whole.output_ids);
      expect(chunks.at(-1)?.meta_info.completion_tokens).toBe(40);
      // With a tokenizer each chunk has all of the text so far.
      expect(chunks.at(-1)?.text).toBe(each === server ? undefined : wholeText.text);
    }
    const forced = greedy(20, { ignore_eos: false, logit_bias: { '511': 1000 } });
    const eos = await generate(server, { ...body, sampling_params: forced });
    expect(eos.output_ids).toEqual([511]);
    expect(eos.meta_info.finish_reason).toEqual({ type: 'stop', matched: 511 });
    const scored = await generate(server, { ...body, return_logprob: true, logprob_start_len: 0 });
    expect(scored.meta_info.input_token_logprobs.map(([, id]) => id)).toEqual(body.input_ids);
    expect(await answer(server.post('/generate', { text: 'words' }))).toEqual(
      refused(
        'The engine initialized with skip_tokenizer_init=True cannot accept text prompts. ' +
          'Please provide input_ids or re-initialize the engine with skip_tokenizer_init=False.',
      ),
    );
    expect((await server.post('/tokenize', { prompt: 'words' })).status).toBe(400);
    await Promise.all([expectClean(server), expectClean(withText)]);
    await Promise.all([server.stop(), withText.stop()]);
  });
});

describe('keys', () => {
  test('open what they are for', async () => {
    const keys = ['--api-key', 'user-key', '--admin-api-key', 'admin-key'];
    const server = await launch([...keys, '--served-model-name', 'team/tiny']);
    const status = async (path: string, key: string | null, body?: object) => {
      const headers = key === null ? undefined : { authorization: `Bearer ${key}` };
      const reply = body ? await server.post(path, body, { headers }) : await server.fetch(path, { headers });
      await reply.text();
      return reply.status;
    };
    const body = { input_ids: [5], sampling_params: greedy(1) };
    for (const key of [null, 'None', 'wrong', 'admin-key'])
      expect(await status('/generate', key, body)).toBe(401);
    expect(await status('/generate', 'user-key', body)).toBe(200);
    expect(await status('/v1/models', 'user-key')).toBe(200);
    expect(await status('/v1/models', null)).toBe(401);
    expect(await status('/no/such/route', null)).toBe(401);
    expect(await status('/flush_cache', 'user-key')).toBe(401);
    expect(await status('/flush_cache', 'admin-key')).toBe(200);
    expect(await status('/abort_request', 'user-key', { abort_all: true })).toBe(401);
    for (const path of ['/health', '/health_generate']) expect(await status(path, null)).toBe(200);
    expect(await answer(server.post('/generate', body))).toEqual({
      status: 401,
      body: { error: 'Unauthorized' },
    });
    const official = (apiKey: string) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
    expect((await official('user-key').models.retrieve('team/tiny')).id).toBe('team/tiny');
    await expect(official('wrong').models.list()).rejects.toMatchObject({ status: 401 });
    await server.stop();
  });
});

describe('work and rest', () => {
  let server: Server;
  beforeAll(async () => void (server = await launch(['--max-running-requests', '4'])));

  test('a server that is at work answers whether it is healthy at once', async () => {
    let done = false;
    const work = Promise.all(
      Array.from({ length: 24 }, (_, seed) =>
        generate(server, { input_ids: promptIds(1800, seed), sampling_params: greedy(100) }),
      ),
    ).finally(() => (done = true));
    for (let i = 0; i < 10; i++) {
      expect((await server.fetch('/health')).status).toBe(200);
      expect((await server.fetch('/health_generate')).status).toBe(200);
    }
    expect(done).toBe(false);
    await work;
    await expectClean(server);
  });

  /** Clock ticks that processes have spent computing. */
  function ticks(pids: readonly number[]): number {
    return pids.reduce((sum, pid) => {
      const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return sum + Number(fields[11]) + Number(fields[12]);
    }, 0);
  }

  (process.platform === 'linux' ? test : test.skip)(
    'a server without work computes next to nothing',
    async () => {
      const pids = [server.pid, ...Object.values(server.children())];
      expect(pids).toHaveLength(3);
      // Compilers and collectors of the processes finish what the work has left to do.
      await sleep(1000);
      const before = ticks(pids);
      await sleep(1000);
      const TICKS_A_SECOND = 100;
      expect(ticks(pids) - before).toBeLessThan(0.1 * TICKS_A_SECOND);
    },
  );
});
