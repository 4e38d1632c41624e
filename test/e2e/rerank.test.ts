import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { launch, TEST_MODEL, type Server } from './harness';

/** A model with the tokens "yes" and "no". */
function copyModelWithWords(folder: string): void {
  cpSync(TEST_MODEL, folder, { recursive: true });
  const file = join(folder, 'tokenizer.json');
  const tokenizer = JSON.parse(readFileSync(file, 'utf8')) as {
    added_tokens: { id: number; content: string; special: boolean }[];
  };
  const [like] = tokenizer.added_tokens;
  // The vocabulary is full: two ordinary tokens get another name.
  const words = ['yes', 'no'].map((content, i) => ({ ...like, id: 500 + i, content, special: false }));
  writeFileSync(file, JSON.stringify({ ...tokenizer, added_tokens: [...tokenizer.added_tokens, ...words] }));
}

/** Rerankers and classifiers as each API shows them; the scores are transformers' (tools/golden/record_classifiers.py). */

const CHECKPOINTS = resolve(__dirname, '../model/checkpoints');

interface Golden {
  readonly cases: readonly { input_ids: number[]; scores: number[] }[];
  readonly pairs: readonly { texts: [string, string]; scores: number[] }[];
}

const goldenOf = (name: string) =>
  JSON.parse(readFileSync(join(CHECKPOINTS, name, 'scores.json'), 'utf8')) as Golden;

async function ask(server: Server, path: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const reply = await server.post(path, body);
  return { status: reply.status, body: await reply.json() };
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const near = (value: number) => expect.closeTo(value, 3) as number;

describe('a reranker', () => {
  const [QUERY, DOCUMENT] = ['The weather', 'It is sunny outside.'];
  const documents = ['rain', DOCUMENT, 'a dog walks to the sea', 'rain'];
  const expected = goldenOf('bert-reranker').pairs[0]?.scores[0] ?? NaN;
  let server: Server;
  beforeAll(async () => {
    server = await launch(['--model-path', join(CHECKPOINTS, 'bert-reranker')]);
  });

  test('gives a pair its score at /encode and /classify, alone and in a list', async () => {
    const pairs = goldenOf('bert-reranker').pairs.filter(({ texts: [, second] }) => second !== '');
    for (const path of ['/encode', '/classify']) {
      const { status, body } = await ask(server, path, { text: pairs.map(({ texts }) => texts) });
      expect(status).toBe(200);
      const found = body as { embedding: number[] }[];
      expect(found.map(({ embedding }) => embedding)).toEqual(pairs.map(({ scores }) => scores.map(near)));
      const alone = await ask(server, path, { text: [pairs[0]?.texts], is_cross_encoder_request: true });
      expect((alone.body as typeof found)[0]?.embedding).toEqual(found[0]?.embedding);
    }
  });

  test('refuses a pair whose second text is empty', async () => {
    expect(await ask(server, '/encode', { text: [['rain', '']] })).toEqual({
      status: 400,
      body: { error: { message: 'The second text of a pair is empty.' } },
    });
  });

  test('orders documents at /v1/rerank, by raw scores, equals in order', async () => {
    const { status, body } = await ask(server, '/v1/rerank', { model: 'any', query: QUERY, documents });
    expect(status).toBe(200);
    const list = body as { score: number; document: string; index: number; meta_info: object }[];
    expect(list.map(({ score }) => score)).toEqual(list.map(({ score }) => score).sort((a, b) => b - a));
    expect(list.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3]);
    for (const { index, document } of list) expect(document).toBe(documents[index]);
    expect(list.find(({ index }) => index === 1)?.score).toEqual(near(expected));
    const rains = list.filter(({ document }) => document === 'rain');
    expect(rains.map(({ index }) => index)).toEqual([0, 3]);
    expect(rains[0]?.score).toBe(rains[1]?.score);
    expect(list[0]?.meta_info).toMatchObject({ prompt_tokens: expect.any(Number) as number });
    const few = await ask(server, '/v1/rerank', {
      query: [{ type: 'text', text: QUERY }],
      documents: documents.map((text) => [{ type: 'text', text }]),
      top_n: 2,
      return_documents: false,
    });
    expect(few.body).toEqual(
      list.slice(0, 2).map(({ score, index }) => ({ score, index, meta_info: expect.anything() as object })),
    );
  });

  test.each([
    [{ query: '', documents }, 'Query cannot be empty'],
    [{ query: '  ', documents }, 'Query cannot be empty or whitespace only'],
    [{ query: 'a', documents: [] }, 'Documents cannot be empty'],
    [{ query: 'a', documents: ['b', ''] }, 'Each document must be a non-empty string'],
    [{ query: 'a', documents: ['b', ' '] }, 'Each document cannot be empty or whitespace only'],
    [{ query: 'a', documents: ['b'], top_n: 0 }, 'top_n: must be at least 1'],
    [
      { query: 'a', documents: 'b' },
      'documents: must be a list of strings, or of lists of parts of type text',
    ],
    [{ query: 'a', documents: ['b'], instruct: 'c' }, 'instruct is not available for this model'],
    [
      { query: 'a', documents: ['rain '.repeat(80)] },
      "is longer than the model's context length (64 tokens)",
    ],
  ])('refuses %j', async (request, message) => {
    const { status, body } = await ask(server, '/v1/rerank', request);
    expect(status).toBe(400);
    expect((body as { message: string }).message).toContain(message);
  });

  test("answers Cohere's and Jina's clients, with scores between 0 and 1", async () => {
    for (const path of ['/v2/rerank', '/rerank']) {
      const { status, body } = await ask(server, path, {
        model: 'm',
        query: QUERY,
        documents: [{ text: 'rain' }, DOCUMENT],
        return_documents: true,
      });
      expect(status).toBe(200);
      const { results, ...rest } = body as { results: { index: number; relevance_score: number }[] };
      expect(rest).toEqual({
        id: expect.any(String) as string,
        model: 'm',
        usage: { total_tokens: expect.any(Number) as number },
        meta: expect.objectContaining({ api_version: { version: '2' } }) as object,
      });
      expect(results.find(({ index }) => index === 1)).toEqual({
        index: 1,
        relevance_score: near(sigmoid(expected)),
        document: { text: DOCUMENT },
      });
    }
    const first = await ask(server, '/v2/rerank', { model: 'm', query: QUERY, documents, top_n: 1 });
    expect((first.body as { results: unknown[] }).results).toHaveLength(1);
  });

  test('cuts long documents for them, unless told otherwise', async () => {
    const long = { query: QUERY, documents: [`${'rain '.repeat(80)}`, DOCUMENT] };
    expect((await ask(server, '/v2/rerank', long)).status).toBe(200);
    expect(await ask(server, '/v2/rerank', { ...long, truncation: false })).toEqual({
      status: 400,
      body: { message: expect.stringContaining("longer than the model's context length") as string },
    });
    const scoreOf = async (body: object) => {
      const reply = await ask(server, '/v2/rerank', { query: QUERY, ...body });
      return (reply.body as { results: { relevance_score: number }[] }).results[0]?.relevance_score;
    };
    const cut = await scoreOf({ documents: ['rain rain rain'], max_tokens_per_doc: 1 });
    expect(cut).toBe(await scoreOf({ documents: ['rain'] }));
  });

  test("answers Text Embeddings Inference's clients at /rerank and /predict", async () => {
    const texts = ['rain', DOCUMENT];
    const { status, body } = await ask(server, '/rerank', { query: QUERY, texts, return_text: true });
    expect(status).toBe(200);
    expect(body).toContainEqual({ index: 1, text: DOCUMENT, score: near(sigmoid(expected)) });
    const raw = await ask(server, '/rerank', { query: QUERY, texts, raw_scores: true, truncate: true });
    expect(raw.body).toContainEqual({ index: 1, score: near(expected) });
    expect((await ask(server, '/predict', { inputs: [[QUERY, DOCUMENT]] })).body).toEqual([
      [{ score: near(sigmoid(expected)), label: 'LABEL_0' }],
    ]);
    expect((await ask(server, '/predict', { inputs: [QUERY, DOCUMENT], raw_scores: true })).body).toEqual([
      { score: near(expected), label: 'LABEL_0' },
    ]);
    expect(await ask(server, '/rerank', { query: '', texts })).toEqual({
      status: 400,
      body: { error: 'Query cannot be empty', error_type: 'Validation' },
    });
    expect(await ask(server, '/predict', { inputs: [['a', 'b', 'c']] })).toMatchObject({
      status: 400,
      body: { error_type: 'Validation' },
    });
    const left = await ask(server, '/rerank', { query: QUERY, texts, truncation_direction: 'Left' });
    expect(left.status).toBe(400);
  });

  test('drops what a client that left still waits for, and serves on', async () => {
    const gone = new AbortController();
    const body = { query: QUERY, documents: Array.from({ length: 2000 }, () => 'rain '.repeat(50)) };
    const left = server.post('/v1/rerank', body, { signal: gone.signal }).catch(() => 'left');
    setTimeout(() => gone.abort(), 200);
    expect(await left).toBe('left');
    await server.idle();
    expect((await ask(server, '/v1/rerank', { query: QUERY, documents })).status).toBe(200);
  });
});

describe('a classifier', () => {
  const { cases } = goldenOf('roberta-classifier');
  let server: Server;
  beforeAll(async () => {
    server = await launch(['--model-path', join(CHECKPOINTS, 'roberta-classifier')]);
  });

  test('names the likeliest label at /v1/classify', async () => {
    const input = cases.map(({ input_ids }) => input_ids);
    const { status, body } = await ask(server, '/v1/classify', { model: 'm', input });
    expect(status).toBe(200);
    expect(body).toMatchObject({ object: 'list', model: 'm', usage: { prompt_tokens: input.flat().length } });
    const { data } = body as {
      data: { index: number; label: string; probs: number[]; num_classes: number }[];
    };
    data.forEach(({ index, label, probs, num_classes }, i) => {
      const scores = cases[i]?.scores ?? [];
      const powers = scores.map(Math.exp);
      const sum = powers.reduce((all, power) => all + power, 0);
      expect(probs).toEqual(powers.map((power) => near(power / sum)));
      expect(label).toBe(['sad', 'neither', 'glad'][scores.indexOf(Math.max(...scores))]);
      expect([index, num_classes]).toEqual([i, 3]);
    });
  });

  test('gives every label its probability at /predict, the best first', async () => {
    const { body } = await ask(server, '/predict', { inputs: 'The weather is lovely today.' });
    const found = body as { score: number; label: string }[];
    expect(found.map(({ label }) => label).sort()).toEqual(['glad', 'neither', 'sad']);
    expect(found.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5);
    expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
  });
});

describe('a model that is asked for yes or no', () => {
  const folder = mkdtempSync(join(tmpdir(), 'yes-no-'));
  let server: Server;
  beforeAll(async () => {
    copyModelWithWords(folder);
    server = await launch(['--model-path', folder, '--chat-template', 'qwen3_reranker']);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('ranks documents by how much likelier yes is', async () => {
    const documents = ['hi', 'A bear.'];
    const { status, body } = await ask(server, '/v1/rerank', {
      query: 'panda?',
      documents,
      instruct: 'Find it',
    });
    expect(status).toBe(200);
    const found = body as { index: number; score: number; meta_info: null }[];
    expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a));
    const prompts = documents.map(
      (document) =>
        '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. ' +
        'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n' +
        `<Instruct>: Find it\n<Query>: panda?\n<Document>: ${document}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n`,
    );
    const { tokens } = (await ask(server, '/tokenize', { prompt: 'yesno' })).body as { tokens: number[] };
    const scored = await ask(server, '/v1/score', {
      query: '',
      items: prompts,
      label_token_ids: tokens,
      apply_softmax: true,
    });
    const { scores } = scored.body as { scores: number[][] };
    for (const { index, score, meta_info } of found) {
      expect(score).toBe(scores[index]?.[0]);
      expect(meta_info).toBeNull();
    }
    const cohere = await ask(server, '/v2/rerank', { query: 'panda?', documents });
    expect((cohere.body as { results: unknown[] }).results).toHaveLength(2);
  });

  test('that was started for vectors says how it would rank', async () => {
    const vectors = await launch([
      '--model-path',
      folder,
      '--chat-template',
      'qwen3_reranker',
      '--is-embedding',
    ]);
    for (const [path, body] of [
      ['/v1/rerank', { query: 'a', documents: ['b'] }],
      ['/v2/rerank', { query: 'a', documents: ['b'] }],
      ['/rerank', { query: 'a', texts: ['b'] }],
    ] as const) {
      const refused = await ask(vectors, path, body);
      expect([path, refused.status]).toEqual([path, 400]);
      expect(JSON.stringify(refused.body)).toContain(
        'Detected Qwen3 reranker chat template, but the server is not in generation mode. ' +
          'Please relaunch without --is-embedding for Qwen3-Reranker models.',
      );
    }
    expect((await ask(vectors, '/encode', { text: 'a' })).status).toBe(200);
  });
});

test('servers of another kind say what is wrong', async () => {
  const generates = await launch([]);
  const embeds = await launch(['--model-path', join(CHECKPOINTS, 'bert')]);
  const rerank = { query: 'a', documents: ['b'] };
  for (const [path, body] of [
    ['/v1/rerank', rerank],
    ['/v2/rerank', rerank],
    ['/rerank', { query: 'a', texts: ['b'] }],
    ['/v1/classify', { input: 'a' }],
    ['/predict', { inputs: 'a' }],
  ] as const) {
    const from = { generates: await ask(generates, path, body), embeds: await ask(embeds, path, body) };
    expect([path, from.generates.status, from.embeds.status]).toEqual([path, 400, 400]);
    expect(JSON.stringify(from.generates.body)).toContain('--is-embedding');
    expect(JSON.stringify(from.embeds.body)).toContain('This model gives vectors, not scores');
  }
});
