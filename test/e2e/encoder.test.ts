import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { launch, type Server } from './harness';

/** A server of an encoder: sentence vectors without any flag, as sentence-transformers makes them. */

interface Reply {
  readonly embedding: number[];
  readonly meta_info: { readonly prompt_tokens: number };
}
interface GoldenText {
  readonly text: string;
  readonly input_ids: number[];
  readonly vector: number[];
}

const MODEL = join(__dirname, '../model/checkpoints/bert');
/** Of the checkpoint's sentence_bert_config.json. */
const MAX_LENGTH = 48;
const SEP = 3;

const { texts } = JSON.parse(readFileSync(join(MODEL, 'vectors.json'), 'utf8')) as { texts: GoldenText[] };
const LONG = 'the river '.repeat(100);

const encode = async (server: Server, body: unknown) => {
  const reply = await server.post('/encode', body);
  return { status: reply.status, body: await reply.json() };
};

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(Math.abs((actual[i] ?? NaN) - value)).toBeLessThan(1e-4));
}

describe('as it stands', () => {
  let server: Server;
  beforeAll(async () => {
    server = await launch(['--model-path', MODEL]);
  });
  afterAll(() => server.stop());

  test('texts have the vectors of sentence-transformers, one by one and together the same ones', async () => {
    const { body } = await encode(server, { text: texts.map(({ text }) => text) });
    const together = body as Reply[];
    expect(together).toHaveLength(texts.length);
    for (const [i, { text, input_ids, vector }] of texts.entries()) {
      expectClose(together[i]?.embedding ?? [], vector);
      expect(together[i]?.meta_info.prompt_tokens).toBe(input_ids.length);
      const alone = (await encode(server, { text })).body as Reply;
      expect(alone.embedding).toEqual(together[i]?.embedding);
      expect(((await encode(server, { input_ids })).body as Reply).embedding).toEqual(alone.embedding);
    }
  });

  test('a text beyond the length that the checkpoint states is refused with both numbers', async () => {
    const { status, body } = await encode(server, { text: LONG });
    expect(status).toBe(400);
    expect(body).toEqual({
      error: {
        message: `The input (202 tokens) is longer than the model's context length (${MAX_LENGTH} tokens).`,
      },
    });
  });

  test('it says that it gives vectors, and does not generate', async () => {
    const info = await (await server.fetch('/model_info')).json();
    expect(info).toMatchObject({ is_generation: false, architectures: ['BertModel'] });
    expect((await server.post('/generate', { text: 'a' })).status).toBe(400);
    const chat = { model: 'x', messages: [{ role: 'user', content: 'a' }] };
    expect((await server.post('/v1/chat/completions', chat)).status).toBe(400);
    expect((await encode(server, { text: 'rain' })).status).toBe(200);
  });
});

test('where texts may be cut, they are cut before their last special token', async () => {
  const server = await launch(['--model-path', MODEL, '--allow-auto-truncate', '--context-length', '16']);
  const cut = (await encode(server, { text: LONG })).body as Reply;
  expect(cut.meta_info.prompt_tokens).toBe(16);
  const tokens = await server.post('/tokenize', { prompt: LONG });
  const { tokens: ids } = (await tokens.json()) as { tokens: number[] };
  const expected = await encode(server, { input_ids: [...ids.slice(0, 15), SEP] });
  expect(cut.embedding).toEqual((expected.body as Reply).embedding);
  await server.stop();
});

test('an encoder says that it gives vectors, whoever asks it to chat', async () => {
  const server = await launch(['--model-path', MODEL]);
  const messages = [{ role: 'user', content: 'Hello!' }];
  for (const [path, body] of [
    ['/v1/chat/completions', { messages }],
    ['/v1/responses', { input: 'Hello!' }],
    ['/v1/messages', { model: 'x', messages, max_tokens: 8 }],
    ['/api/chat', { model: MODEL, messages }],
  ] as const) {
    const reply = await server.post(path, body);
    expect([path, reply.status]).toEqual([path, 400]);
    expect(await reply.text()).toContain('This model gives vectors (--is-embedding): it cannot chat.');
  }
  await server.stop();
});

test('--context-length may go up to the positions that the model has, and no further', async () => {
  const server = await launch(['--model-path', MODEL, '--context-length', '64']);
  expect((await encode(server, { input_ids: new Array(64).fill(5) })).status).toBe(200);
  await server.stop();
  const allowed = { SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN: '1' };
  await expect(launch(['--model-path', MODEL, '--context-length', '65'], allowed)).rejects.toThrow(
    'BertModel has no positions beyond 64 tokens',
  );
});
