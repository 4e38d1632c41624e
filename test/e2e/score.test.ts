import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, expectClean, generate, promptIds } from './client';
import { launch, sharedModel, type Server } from './harness';

/** `/v1/score`: how likely tokens are after a query with each of several items. */

interface Reply {
  readonly scores: number[][];
  readonly model: string;
  readonly object: string;
  readonly usage: {
    readonly prompt_tokens: number;
    readonly total_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number } | null;
  };
}
type Body = Readonly<Record<string, unknown>>;

const LABELS = [7, 300, 12, 7];
const QUERY = promptIds(150, 1);
const item = (seed: number, length = 8) => promptIds(length, seed + 10);

async function score(server: Server, body: Body): Promise<Reply> {
  const reply = await answer(server.post('/v1/score', { label_token_ids: LABELS, ...body }));
  if (reply.status !== 200) throw new Error(JSON.stringify(reply));
  return reply.body as Reply;
}

async function refusal(server: Server, body: Body): Promise<string> {
  const { status, body: said } = await answer(server.post('/v1/score', { label_token_ids: LABELS, ...body }));
  expect(status).toBe(400);
  return (said as { error: { message: string } }).error.message;
}

/** What `/generate` says of the token after a prompt. */
async function expected(server: Server, prompt: Body): Promise<number[]> {
  const { meta_info } = await generate(server, {
    ...prompt,
    sampling_params: { temperature: 0, max_new_tokens: 1, n: 1 },
    return_logprob: true,
    token_ids_logprob: LABELS,
  });
  return (meta_info.output_token_ids_logprobs[0] ?? []).map(([logprob]) => Math.exp(logprob ?? NaN));
}

function expectClose(actual: readonly number[] | undefined, wanted: readonly number[]): void {
  expect(actual).toHaveLength(wanted.length);
  // Relative: probabilities of unlikely tokens are small.
  wanted.forEach((value, i) => expect(Math.abs((actual?.[i] ?? NaN) / value - 1)).toBeLessThan(1e-3));
}

let server: Server;
beforeAll(async () => {
  server = await launch([
    '--enable-cache-report',
    '--preferred-sampling-params',
    '{"temperature": 3, "n": 2}',
  ]);
});

describe('the scores', () => {
  test('are the probabilities of the next token, in the order of the labels', async () => {
    const items = [item(0), item(1, 3), item(2, 20)];
    const { scores, model, object, usage } = await score(server, { query: QUERY, items, model: 'mine' });
    for (const [i, ids] of items.entries()) {
      expectClose(scores[i], await expected(server, { input_ids: [...QUERY, ...ids] }));
    }
    expect(scores[0]?.[0]).toBe(scores[0]?.[3]);
    expect({ model, object }).toEqual({ model: 'mine', object: 'scoring' });
    expect(usage).toMatchObject({ prompt_tokens: 3 * 150 + 31, total_tokens: 3 * 150 + 31 });
  });

  test('are those of the texts put together as they are, the item first where asked', async () => {
    const query = 'the river runs';
    const items = [' to the sea', ''];
    const behind = await score(server, { query, items });
    const before = await score(server, { query, items, item_first: true });
    for (const [i, text] of items.entries()) {
      expectClose(behind.scores[i], await expected(server, { text: query + text }));
      expectClose(before.scores[i], await expected(server, { text: text + query }));
    }
    const alone = await score(server, { query, items: items[0] });
    expect(alone.scores).toEqual([behind.scores[0]]);
  });

  test('add up to 1 with apply_softmax, in the same ratio', async () => {
    const body = { query: QUERY, items: [item(0)] };
    const [plain = []] = (await score(server, body)).scores;
    const [shares = []] = (await score(server, { ...body, apply_softmax: true })).scores;
    const total = plain.reduce((sum, value) => sum + value, 0);
    expectClose(
      shares,
      plain.map((value) => value / total),
    );
    expect(Math.abs(shares.reduce((sum, value) => sum + value, 0) - 1)).toBeLessThan(1e-12);
  });

  test('have the same bits alone and among others, cached and not', async () => {
    const items = Array.from({ length: 100 }, (_, i) => item(i, 1 + (i % 37)));
    await server.post('/flush_cache', {});
    const { scores } = await score(server, { query: QUERY, items });
    for (const flushes of [false, true]) {
      for (const i of [0, 1, 15, 16, 32, 73, 99]) {
        if (flushes) await server.post('/flush_cache', {});
        const alone = await score(server, { query: QUERY, items: [items[i]] });
        expect([i, alone.scores[0]]).toEqual([i, scores[i]]);
      }
    }
    // Cut at another place: the query is part of one that is cached.
    const longer = await score(server, { query: [...QUERY, ...item(5, 4)], items: [item(5, 8).slice(4)] });
    const whole = await score(server, { query: QUERY, items: [item(5, 8)] });
    expect(longer.scores).toEqual(whole.scores);
  });

  test('cost the query once', async () => {
    await server.post('/flush_cache', {});
    const query = promptIds(200, 3);
    const items = Array.from({ length: 64 }, (_, i) => item(i));
    const { usage } = await score(server, { query, items });
    expect(usage.prompt_tokens_details).toEqual({ cached_tokens: 64 * 200 });
    await expectClean(server);
  });
});

describe('what is refused', () => {
  const query = [5, 6];
  const items = [[7]];
  test.each<[string, Body, RegExp]>([
    ['no labels', { query, items, label_token_ids: null }, /^label_token_ids must be provided$/],
    ['an empty list of them', { query, items, label_token_ids: [] }, /^label_token_ids must be provided$/],
    [
      'a label beyond',
      { query, items, label_token_ids: [1, 512] },
      /^Token ID 512 is out of vocabulary \(vocab size: 512\)$/,
    ],
    ['a label below', { query, items, label_token_ids: [-1] }, /^Token ID -1 is out of vocabulary/],
    ['an item beyond the vocabulary', { query, items: [[512]] }, /^Token ID 512 is out of vocabulary/],
    [
      'texts with ids',
      { query: 'a', items },
      /^Invalid combination of query\/items types for score_request\.$/,
    ],
    ['ids with texts', { query, items: 'a' }, /^Invalid combination/],
    ['no query', { items }, /^Invalid combination/],
    ['no items', { query }, /^Invalid combination/],
    ['other items', { query, items: 5 }, /^items: must be a string, a list of strings or a list of lists/],
    ['nothing at all', { query: '', items: [''] }, /^The prompt is empty/],
    [
      'too long',
      { query, items: [promptIds(5000)] },
      /^The input \(5002 tokens\) is longer than .* \(2048 tokens\)/,
    ],
    [
      'too many',
      { query, items: Array(10_001).fill([7]) },
      /^items must have at most 10000 entries, got 10001/,
    ],
    ['an adapter', { query, items, model: 'a:b' }, /LoRA is not enabled/],
    [
      'hidden states',
      { query, items, return_pooled_hidden_states: true },
      /^return_pooled_hidden_states is not available/,
    ],
    ['a name that is nearly right', { query, items, item_fist: true }, /did you mean item_first/],
  ])('%s', async (_, body, message) => {
    expect(await refusal(server, body)).toMatch(message);
  });

  test('no items have no scores', async () => {
    expect(await score(server, { query, items: [] })).toMatchObject({
      scores: [],
      usage: { total_tokens: 0 },
    });
  });

  test('another form than JSON', async () => {
    const reply = await server.post('/v1/score', {}, { headers: { 'content-type': 'text/plain' } });
    expect(reply.status).toBe(400);
  });
});

describe('an end', () => {
  const many = { query: promptIds(1500, 2), items: Array.from({ length: 2000 }, (_, i) => item(i, 60)) };
  /** Tokens that were computed, as the log tells. */
  const computed = () =>
    [...server.stderr.matchAll(/#new-token: (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);

  test.each(['leaves', 'aborts'])('a client that %s ends all of its items', async (how) => {
    const client = new AbortController();
    const before = computed();
    const reply = server.post(
      '/v1/score',
      { ...many, label_token_ids: LABELS, rid: 'mine' },
      { signal: client.signal },
    );
    const settled = reply.then(
      async (res) => [res.status, await res.text()] as const,
      () => 'left' as const,
    );
    while (computed() < before + 2000) await sleep(5);
    if (how === 'leaves') client.abort();
    else expect((await server.post('/abort_request', { rid: 'mine' })).status).toBe(200);
    if (how === 'leaves') expect(await settled).toBe('left');
    else expect(await settled).toEqual([400, expect.stringContaining('Abort')]);
    await expectClean(server);
    expect(computed() - before).toBeLessThan(60_000);
    expect((await score(server, { query: QUERY, items: [item(0)] })).scores).toHaveLength(1);
  });
});

test('without a prefix cache the scores have the same bits', async () => {
  const plain = await launch(['--disable-radix-cache', '--enable-cache-report']);
  const items = [item(0), item(1, 3), item(2, 20), item(3, 11)];
  const { scores, usage } = await score(plain, { query: QUERY, items });
  expect(usage.prompt_tokens_details).toBeNull();
  expect(scores).toEqual((await score(server, { query: QUERY, items })).scores);
  await plain.stop();
});

test('items of one sequence see the query and not each other, and are counted as one sequence', async () => {
  const sequences = await launch(['--multi-item-scoring-delimiter', '2', '--enable-cache-report']);
  const items = [item(0), item(1, 3), item(2, 20)];
  const alone = await score(server, { query: QUERY, items });
  const among = await score(sequences, { query: QUERY, items, item_first: true });
  expect(among.scores).toEqual(alone.scores);
  const total = QUERY.length + 8 + 3 + 20 + 4;
  expect(among.usage).toMatchObject({
    prompt_tokens: total,
    total_tokens: total,
    prompt_tokens_details: null,
  });

  const tokenize = async (prompt: string, add_special_tokens: boolean) => {
    const { body } = await answer(sequences.post('/tokenize', { prompt, add_special_tokens }));
    return (body as { tokens: number[] }).tokens;
  };
  const texts = { query: 'Once upon a ti', items: ['me', ' dog', ''] };
  const ids = {
    query: await tokenize(texts.query, true),
    items: await Promise.all(texts.items.map((text) => tokenize(text, false))),
  };
  expect((await score(sequences, texts)).scores).toEqual((await score(server, ids)).scores);

  for (const [body, name] of [
    [{ query: [5, 2], items: [[7]] }, 'query'],
    [{ query: [5], items: [[7], [2]] }, 'items\\[1\\]'],
  ] as const) {
    expect(await refusal(sequences, body)).toMatch(
      new RegExp(`^${name} contains the delimiter of items, token 2\\.$`),
    );
  }
  expect(await score(sequences, { query: QUERY, items: [] })).toMatchObject({ scores: [] });
  await sequences.stop();
});

test('several schedulers give the same scores', async () => {
  const two = await launch(['--dp-size', '2', '--load-balance-method', 'round_robin']);
  const items = Array.from({ length: 9 }, (_, i) => item(i));
  const { scores } = await score(two, { query: QUERY, items });
  expect(scores).toEqual((await score(server, { query: QUERY, items })).scores);
  await two.stop();
});

test('a classifier gives its own scores, whatever tokens are named', async () => {
  const model = join(__dirname, '../model/checkpoints/qwen2-classifier');
  const classifier = await launch(['--model-path', model, '--skip-tokenizer-init']);
  const items = [item(0).map((id) => id % 100), [7]];
  const query = [5, 6];
  const reply = await classifier.post('/classify', { input_ids: items.map((ids) => [...query, ...ids]) });
  const wanted = ((await reply.json()) as { embedding: number[] }[]).map(({ embedding }) => embedding);
  const { scores, usage } = await score(classifier, { query, items, label_token_ids: null });
  expect(scores).toEqual(wanted);
  expect(usage.prompt_tokens).toBe(13);
  const soft = await score(classifier, { query, items, label_token_ids: [1], apply_softmax: true });
  for (const [i, shares] of soft.scores.entries()) {
    expect(Math.abs(shares.reduce((sum, value) => sum + value, 0) - 1)).toBeLessThan(1e-12);
    expect(shares.indexOf(Math.max(...shares))).toBe(wanted[i]?.indexOf(Math.max(...(wanted[i] ?? []))));
  }
  expect((await score(classifier, { query, items: [] })).scores).toEqual([]);
  await classifier.stop();
});

test('a server that gives vectors says which flag it has', async () => {
  const vectors = await launch(['--is-embedding']);
  expect(await refusal(vectors, { query: [5], items: [[6]] })).toMatch(/--is-embedding/);
  await vectors.stop();
});

test('a trained model tells what it has read from what it has not', async () => {
  const model = sharedModel('stories260k');
  if (model === null) return;
  const trained = await launch(['--model-path', model]);
  const { tokens } = (await (
    await trained.post('/tokenize', { prompt: 'there was a little girl', add_special_tokens: false })
  ).json()) as { tokens: number[] };
  const body = { query: 'Once upon a time,', label_token_ids: [tokens[0]] };
  const { scores } = await score(trained, { ...body, items: ['', ' purple'] });
  expect(scores[0]?.[0]).toBeGreaterThan(10 * (scores[1]?.[0] ?? NaN));
  await trained.stop();
});
