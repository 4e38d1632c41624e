import { readFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launch, type Server } from './harness';

/**
 * The HTTP cells of SGLang's notebook about its native API, in order, with its flags, bodies and assertions; only the models are
 * those that ship. README says which command each section is.
 */

const json = async (reply: Promise<Response>): Promise<unknown> => (await reply).json();

describe('Launch A Server', () => {
  const MODEL = 'demo-chat';
  let server: Server;
  beforeAll(async () => {
    server = await launch(['--model-path', MODEL, '--host', '0.0.0.0', '--log-level', 'warning']);
  });
  afterAll(() => server.stop());

  test('Generate (text generation model)', async () => {
    const reply = await json(server.post('/generate', { text: 'What is the capital of France?' }));
    expect(reply).toMatchObject({ text: expect.stringContaining('Paris') as string, meta_info: {} });
  });

  test('Get Model Info', async () => {
    const info = (await json(server.fetch('/get_model_info'))) as Record<string, unknown>;
    expect(info['model_path']).toBe(MODEL);
    expect(info['is_generation']).toBe(true);
    expect(info['tokenizer_path']).toBe(MODEL);
    expect(info['preferred_sampling_params']).toBeNull();
    expect(new Set(Object.keys(info))).toEqual(
      new Set([
        'model_path',
        'is_generation',
        'tokenizer_path',
        'preferred_sampling_params',
        'weight_version',
        'has_image_understanding',
        'has_audio_understanding',
        'model_type',
        'architectures',
      ]),
    );
  });

  test('Get Server Info', async () => {
    const info = await json(server.fetch('/get_server_info'));
    expect(info).toMatchObject({
      model_path: MODEL,
      internal_states: [expect.anything() as object],
      max_total_num_tokens: expect.any(Number) as number,
    });
  });

  test.each(['/health_generate', '/health'])('Health Check: %s', async (path) => {
    expect((await server.fetch(path)).status).toBe(200);
  });

  test('Flush Cache', async () => {
    const reply = await server.post('/flush_cache', undefined);
    expect(reply.status).toBe(200);
    expect(await reply.text()).toContain('Cache flushed.');
  });

  test('Update Weights From Disk', async () => {
    expect(await json(server.post('/update_weights_from_disk', { model_path: MODEL }))).toMatchObject({
      success: true,
      message: 'Succeeded to update model weights.',
    });
    expect(
      await json(server.post('/update_weights_from_disk', { model_path: `${MODEL}-wrong` })),
    ).toMatchObject({
      success: false,
      message: `Failed to get weights iterator: ${MODEL}-wrong (repository not found).`,
    });
  });

  test('v1/score (decoder-only scoring)', async () => {
    const items = ['Paris', 'London', 'Berlin'];
    const { scores } = (await json(
      server.post('/v1/score', {
        model: MODEL,
        query: 'The capital of France is',
        items,
        label_token_ids: [945, 275],
        apply_softmax: true,
      }),
    )) as { scores: number[][] };
    expect(scores).toHaveLength(items.length);
    for (const [yes = NaN, no = NaN] of scores) expect(yes + no).toBeCloseTo(1, 6);
  });

  test('Tokenize/Detokenize Example (Round Trip)', async () => {
    const text = 'SGLang provides efficient tokenization endpoints.';
    const made = (await json(
      server.post('/tokenize', { model: MODEL, prompt: text, add_special_tokens: false }),
    )) as { tokens: number[]; count: number; max_model_len: number };
    expect(made.count).toBe(made.tokens.length);
    expect(made.max_model_len).toBeGreaterThan(0);
    const read = await json(
      server.post('/detokenize', { model: MODEL, tokens: made.tokens, skip_special_tokens: true }),
    );
    expect(read).toMatchObject({ text });
  });
});

test('Encode (embedding model)', async () => {
  const server = await launch([
    ...['--model-path', 'demo-embed', '--host', '0.0.0.0'],
    ...['--is-embedding', '--log-level', 'warning'],
  ]);
  const reply = await json(server.post('/encode', { model: 'demo-embed', text: 'Once upon a time' }));
  const { embedding } = reply as { embedding: number[] };
  expect(embedding.slice(0, 10).every(Number.isFinite)).toBe(true);
  await server.stop();
});

test('v1/rerank (cross encoder rerank model)', async () => {
  const server = await launch([
    ...['--model-path', 'demo-rerank', '--host', '0.0.0.0', '--disable-radix-cache'],
    ...['--chunked-prefill-size', '-1', '--attention-backend', 'triton', '--is-embedding'],
    ...['--log-level', 'warning'],
  ]);
  const panda =
    'The giant panda (Ailuropoda melanoleuca), sometimes called a panda bear or simply panda, is a bear species endemic to China.';
  const reply = await json(
    server.post('/v1/rerank', {
      model: 'demo-rerank',
      query: 'what is panda?',
      documents: ['hi', panda],
    }),
  );
  const [first, second] = reply as { score: number; document: string }[];
  expect([first?.document, second?.document]).toEqual([panda, 'hi']);
  expect(first?.score).toBeGreaterThan(second?.score ?? NaN);
  await server.stop();
});

test('Classify (reward model)', async () => {
  const server = await launch([
    ...['--model-path', 'demo-reward', '--host', '0.0.0.0'],
    ...['--is-embedding', '--log-level', 'warning'],
  ]);
  const prompts = ['-1 and 1', '0 and 1'].map(
    (range) =>
      '<|im_start|>user\nWhat is the range of the numeric output of a sigmoid node in a neural network?<|im_end|>\n' +
      `<|im_start|>assistant\nThe output of a sigmoid node is bounded between ${range}.<|im_end|>\n`,
  );
  const reply = await json(server.post('/classify', { model: 'demo-reward', text: prompts }));
  const [wrong, right] = (reply as { embedding: number[] }[]).map(({ embedding }) => embedding[0] ?? NaN);
  expect(right).toBeGreaterThan(wrong ?? NaN);
  await server.stop();
});

test('Capture expert selection distribution in MoE models', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'experts-'));
  const server = await launch(
    [
      ...['--model-path', 'demo-moe'],
      ...['--host', '0.0.0.0', '--expert-distribution-recorder-mode', 'stat', '--log-level', 'warning'],
    ],
    { SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR: folder },
  );
  expect((await server.post('/start_expert_distribution_record', undefined)).status).toBe(200);
  await json(server.post('/generate', { text: 'What is the capital of France?' }));
  expect((await server.post('/stop_expert_distribution_record', undefined)).status).toBe(200);
  const dumped = await server.post('/dump_expert_distribution_record', undefined);
  expect(dumped.status).toBe(200);
  const [, csv = ''] = /(\S+\.csv)/.exec(await dumped.text()) ?? [];
  const lines = readFileSync(csv, 'utf8').split('\n');
  expect(lines[0]).toBe('layer,expert,count');
  expect(lines[1]).toMatch(/^\d+,0,\d+$/);
  await server.stop();
  rmSync(folder, { recursive: true });
});
