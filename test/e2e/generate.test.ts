import { promptIds, expectClean, generate, generateAll, greedy, outcome, Stream, streamed } from './client';
import { launch, type Server } from './harness';

const PROMPT = 'The capital of France is';

let server: Server;
beforeAll(async () => void (server = await launch()));

describe('a whole reply', () => {
  test('one prompt', async () => {
    const reply = await generate(server, { text: PROMPT, rid: 'one', sampling_params: greedy(8) });
    expect(reply).toEqual({
      text: expect.any(String),
      output_ids: expect.any(Array),
      meta_info: {
        id: 'one',
        finish_reason: { type: 'length', length: 8 },
        prompt_tokens: expect.any(Number),
        completion_tokens: 8,
        cached_tokens: expect.any(Number),
        cached_tokens_details: null,
        total_retractions: 0,
        weight_version: 'default',
        e2e_latency: expect.any(Number),
        response_sent_to_client_ts: expect.any(Number),
      },
    });
    expect(reply.output_ids).toHaveLength(8);
    expect(reply.meta_info.e2e_latency).toBeGreaterThan(0);
  });

  test('a batch answers in the order of its prompts, each as if it were alone', async () => {
    const texts = [PROMPT, 'Today is a sunny day and', 'The future of AI is', PROMPT];
    const alone = [];
    for (const text of texts)
      alone.push(outcome(await generate(server, { text, sampling_params: greedy(24) })));
    const batch = await generateAll(server, { text: texts, rid: 'batch', sampling_params: greedy(24) });
    expect(batch.map(outcome)).toEqual(alone);
    expect(batch.map(({ meta_info }) => meta_info.id)).toEqual(['batch_0', 'batch_1', 'batch_2', 'batch_3']);
  });

  test('a batch has parameters of its own for each prompt', async () => {
    const lengths = [1, 5, 3];
    const replies = await generateAll(server, {
      input_ids: lengths.map((length) => promptIds(4, length)),
      sampling_params: lengths.map((length) => greedy(length)),
    });
    expect(replies.map(({ meta_info }) => meta_info.completion_tokens)).toEqual(lengths);
  });

  test('several samples of several prompts come prompt by prompt', async () => {
    const text = [PROMPT, 'Today is a sunny day and'];
    const replies = await generateAll(server, { text, sampling_params: greedy(16, { n: 3 }) });
    const [first, , , second] = replies.map(({ text }) => text);
    expect(replies.map(({ text }) => text)).toEqual([first, first, first, second, second, second]);
    expect(first).not.toEqual(second);
  });

  test('samples differ when they are drawn', async () => {
    const drawn = { temperature: 1.5, max_new_tokens: 24, n: 4, ignore_eos: true };
    const replies = await generateAll(server, { text: PROMPT, sampling_params: drawn });
    expect(new Set(replies.map(({ output_ids }) => output_ids.join())).size).toBe(4);
    expect(new Set(replies.map(({ meta_info }) => meta_info.id)).size).toBe(4);
  });

  test('max_new_tokens 0 runs the prompt only', async () => {
    const reply = await generate(server, { text: PROMPT, sampling_params: greedy(0) });
    expect(reply).toMatchObject({
      text: '',
      output_ids: [],
      meta_info: { completion_tokens: 0, finish_reason: { type: 'length', length: 0 } },
    });
  });

  test('without max_new_tokens there are 128 at most; with null it goes on to the end of the context', async () => {
    const usual = await generate(server, { text: PROMPT, sampling_params: { ignore_eos: true } });
    expect(usual.meta_info.completion_tokens).toBe(128);
    const most = await generate(server, {
      input_ids: promptIds(1900),
      sampling_params: greedy(1, { max_new_tokens: null }),
    });
    expect(most.meta_info.finish_reason?.type).toBe('length');
    // The last position of the context stays free.
    expect(1900 + most.meta_info.completion_tokens).toBeGreaterThanOrEqual(2045);
    expect(1900 + most.meta_info.completion_tokens).toBeLessThan(2048);
  });
});

describe('a stream', () => {
  const body = { input_ids: promptIds(30), sampling_params: greedy(60) };

  test('is made of events and ends with [DONE]', async () => {
    const reply = await server.post('/generate', { ...body, stream: true });
    expect(reply.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const blocks = (await reply.text()).split('\n\n');
    expect(blocks.slice(-2)).toEqual(['data: [DONE]', '']);
    for (const block of blocks.slice(0, -2))
      expect(JSON.parse(block.replace(/^data: /, ''))).toBeInstanceOf(Object);
  });

  test('grows to the whole reply', async () => {
    const wanted = {
      return_logprob: true,
      logprob_start_len: 10,
      top_logprobs_num: 2,
      token_ids_logprob: [7, 8],
    };
    const whole = await generate(server, { ...body, ...wanted });
    const chunks = await streamed(server, { ...body, ...wanted });
    expect(chunks.length).toBeGreaterThan(3);
    let before = chunks[0];
    for (const chunk of chunks) {
      const { meta_info } = chunk;
      expect(chunk.text.startsWith(before?.text ?? '')).toBe(true);
      expect(chunk.output_ids.slice(0, before?.output_ids.length)).toEqual(before?.output_ids);
      expect(meta_info.completion_tokens).toBe(chunk.output_ids.length);
      expect(meta_info.output_token_logprobs).toHaveLength(chunk.output_ids.length);
      expect(meta_info.input_token_logprobs).toEqual(whole.meta_info.input_token_logprobs);
      expect(meta_info.finish_reason === null).toBe(chunk !== chunks.at(-1));
      before = chunk;
    }
    const changing = { id: '', e2e_latency: 0, response_sent_to_client_ts: 0, cached_tokens: 0 };
    const last = chunks.at(-1);
    expect({ ...last, meta_info: { ...last?.meta_info, ...changing } }).toEqual({
      ...whole,
      meta_info: { ...whole.meta_info, ...changing },
    });
  });

  test('of a batch tells by its index which request a chunk belongs to', async () => {
    const several = {
      input_ids: [promptIds(9, 1), promptIds(9, 2), promptIds(9, 3)],
      sampling_params: greedy(20),
    };
    const whole = await generateAll(server, several);
    const stream = await Stream.open(server, several);
    const finals = await stream.finals();
    expect(finals.map(outcome)).toEqual(whole.map(outcome));
    // The requests advance together.
    const first = new Set(stream.chunks.slice(0, -3).map(({ index }) => index));
    expect([...first].sort()).toEqual([0, 1, 2]);
  });

  test('of several samples carries an index, too', async () => {
    const stream = await Stream.open(server, { ...body, sampling_params: greedy(10, { n: 3 }) });
    const finals = await stream.finals();
    expect(finals.map(({ index }) => index)).toEqual([0, 1, 2]);
    for (const final of finals)
      expect(outcome(final)).toEqual(
        outcome(await generate(server, { ...body, sampling_params: greedy(10) })),
      );
  });

  test('of one request has no index', async () => {
    for (const chunk of await streamed(server, body)) expect(chunk).not.toHaveProperty('index');
  });

  test('stream_interval sends fewer, larger chunks', async () => {
    const chunks = await streamed(server, { ...body, sampling_params: greedy(60, { stream_interval: 25 }) });
    expect(chunks.length).toBeLessThanOrEqual(4);
    expect(chunks.at(-1)?.output_ids).toEqual((await generate(server, body)).output_ids);
  });

  test('reports an error that is found later as an event', async () => {
    const reply = await server.post('/generate', { input_ids: [1, 99999], stream: true });
    expect(reply.status).toBe(200);
    const [event, end] = (await reply.text()).split('\n\n');
    expect(JSON.parse(event?.replace('data: ', '') ?? '')).toEqual({
      error: { message: 'Token ID 99999 is out of vocabulary (vocab size: 512)' },
    });
    expect(end).toBe('data: [DONE]');
  });
});

test('64 clients at a time, with all kinds of requests, get what they get alone', async () => {
  const kinds = [
    (seed: number) => ({ input_ids: promptIds(20 + seed, seed), sampling_params: greedy(40) }),
    (seed: number) => ({ text: `Story ${seed}: once upon a time`, sampling_params: greedy(25) }),
    (seed: number) => ({
      input_ids: promptIds(300 + seed, seed),
      sampling_params: greedy(10),
      return_logprob: true,
      logprob_start_len: 0,
    }),
    (seed: number) => ({
      input_ids: promptIds(5, seed),
      sampling_params: { temperature: 1.2, sampling_seed: seed, max_new_tokens: 50 },
    }),
  ];
  const bodies = Array.from({ length: 64 }, (_, i) => (kinds[i % kinds.length] ?? kinds[0])?.(i) ?? {});
  const together = await Promise.all(
    bodies.map(async (body, i) =>
      outcome(i % 3 === 0 ? await (await Stream.open(server, body)).rest() : await generate(server, body)),
    ),
  );
  await expectClean(server);
  for (const [i, body] of bodies.entries()) {
    expect(together[i]).toEqual(outcome(await generate(server, body)));
  }
});
