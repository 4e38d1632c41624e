import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { loadTokenizer } from '../../../src/tokenizer/tokenizer';
import { BOS } from '../tokenizer-manager/fixtures';
import { TestServer } from './test-server';

let server: TestServer;
afterEach(() => server.close());

describe('with a tokenizer of bytes', () => {
  beforeEach(async () => {
    server = await TestServer.start();
  });

  it('names a field that nobody knows', async () => {
    expect(await server.ask('/tokenize', { prompt: 'a', add_special_token: false })).toMatchObject({
      status: 400,
      body: { message: 'add_special_token: unknown field, did you mean add_special_tokens?' },
    });
    expect(await server.ask('/detokenize', { tokens: [97], text: 'a' })).toMatchObject({
      status: 400,
      body: { message: 'text: unknown field' },
    });
  });

  it.each(['', '/v1'])('tokenizes one text or several (%j)', async (prefix) => {
    expect(await server.ask(`${prefix}/tokenize`, { model: 'x', prompt: 'hi' })).toEqual({
      status: 200,
      body: { tokens: [BOS, 104, 105], count: 3, max_model_len: 2048 },
    });
    const several = { prompt: ['a', ''], add_special_tokens: false };
    expect((await server.ask(`${prefix}/tokenize`, several)).body).toEqual({
      tokens: [[97], []],
      count: [1, 0],
      max_model_len: 2048,
    });
    expect((await server.ask(`${prefix}/tokenize`, { prompt: [] })).body).toMatchObject({
      tokens: [],
      count: [],
    });
  });

  it('counts a text without tokens', async () => {
    const body = { prompt: '', add_special_tokens: false };
    expect((await server.ask('/tokenize', body)).body).toMatchObject({ tokens: [], count: 0 });
  });

  it.each(['', '/v1'])('turns tokens into text (%j)', async (prefix) => {
    const detokenize = async (body: object) => (await server.ask(`${prefix}/detokenize`, body)).body;
    expect(await detokenize({ model: 'x', tokens: [BOS, 104, 105] })).toEqual({ text: 'hi' });
    expect(await detokenize({ tokens: [[104], [BOS, 105]], skip_special_tokens: false })).toEqual({
      text: ['h', '<s>i'],
    });
    expect(await detokenize({ tokens: [] })).toEqual({ text: '' });
    expect(await detokenize({ tokens: [[], [104]] })).toEqual({ text: ['', 'h'] });
  });

  it.each([
    ['/tokenize', {}, "Exactly one of 'prompt' or 'messages' must be provided."],
    ['/tokenize', { prompt: 'a', messages: [] }, "Exactly one of 'prompt' or 'messages' must be provided."],
    ['/tokenize', { prompt: 5 }, 'prompt: must be'],
    ['/tokenize', { prompt: ['a', 5] }, 'prompt: must be'],
    ['/tokenize', { prompt: 'a', add_special_tokens: 'yes' }, 'add_special_tokens: must be'],
    ['/detokenize', { tokens: 'text' }, 'tokens: must be'],
    ['/detokenize', { tokens: ['a'] }, 'tokens: must be'],
    ['/detokenize', { tokens: [1, [2]] }, 'tokens: must be'],
    ['/detokenize', { tokens: [1.5] }, 'tokens: must be'],
    ['/detokenize', {}, 'tokens: must be'],
  ])('%s refuses %j', async (path, body, message) => {
    expect(await server.ask(path, body)).toMatchObject({
      status: 400,
      body: { object: 'error', message: expect.stringContaining(message), type: 'Bad Request', code: 400 },
    });
  });

  it('answers a negative id with a server error, as clients expect', async () => {
    expect(await server.ask('/detokenize', { tokens: [1, -1] })).toEqual({
      status: 500,
      body: {
        object: 'error',
        message: 'Token ID -1 cannot be turned into text.',
        type: 'InternalServerError',
        param: null,
        code: 500,
      },
    });
  });
});

it('is refused without a tokenizer', async () => {
  server = await TestServer.start({ tokenizer: null });
  const message = expect.stringContaining('--skip-tokenizer-init') as string;
  for (const [path, body] of [
    ['/tokenize', { prompt: 'a' }],
    ['/detokenize', { tokens: [1] }],
  ] as const) {
    expect(await server.ask(path, body)).toEqual({ status: 400, body: { error: { message } } });
  }
});

const SHARED = process.env['SGLANG_NODE_SHARED'] ?? join(__dirname, '../../../../shared');
const QWEN = join(SHARED, 'tokenizers/qwen2_5');
if (!existsSync(QWEN)) console.warn(`skipped: round trips through a real tokenizer (${QWEN} is absent)`);

(existsSync(QWEN) ? it : it.skip)('gives back any text that went through a real tokenizer', async () => {
  server = await TestServer.start({ tokenizer: await loadTokenizer(QWEN) });
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 40 }), async (raw) => {
      const prompt = raw.normalize('NFC');
      const { body } = await server.ask('/tokenize', { prompt, add_special_tokens: false });
      const { tokens, count, max_model_len } = body as {
        tokens: number[];
        count: number;
        max_model_len: number;
      };
      expect(count).toBe(tokens.length);
      expect(max_model_len).toBe(131_072);
      const back = await server.ask('/detokenize', { tokens, skip_special_tokens: false });
      expect(back.body).toEqual({ text: prompt });
    }),
    { numRuns: 50 },
  );
});
