import fc from 'fast-check';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../../../src/core/errors';
import { loadTokenizer, type Tokenizer } from '../../../src/tokenizer/tokenizer';
import { byteLevelTokenizer, gguf, type Value } from '../../gguf';
import { Folders } from '../checkpoint/folders';

const DEMO = join(__dirname, '../../../models/demo-chat');
const folders = new Folders();
afterAll(() => folders.removeAll());

function fileOf(metadata: Record<string, Value>): string {
  const all = { 'general.architecture': { text: 'llama' }, ...metadata };
  return join(folders.create({ 'a.gguf': gguf({ metadata: all, tensors: [] }) }), 'a.gguf');
}

describe('a byte-level tokenizer in a GGUF file', () => {
  let own: Tokenizer;
  let original: Tokenizer;
  beforeAll(async () => {
    own = await loadTokenizer(fileOf(byteLevelTokenizer(DEMO, 'qwen2')));
    original = await loadTokenizer(DEMO);
  });

  it('cuts texts and puts them together as its tokenizer.json does', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom("I'll  pay 12,50 €\r\n\tnow", '<|im_start|>user\nhi<|im_end|>', 'e\u0301 日本語 🙂'),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const ids = own.encode(text);
        expect(ids).toEqual(original.encode(text));
        expect(own.decode(ids)).toBe(original.decode(ids));
        expect(own.decode(ids, { skipSpecialTokens: true })).toBe(
          original.decode(ids, { skipSpecialTokens: true }),
        );
      }),
      { numRuns: 200 },
    );
    expect([own.vocabSize, own.eosTokenId]).toEqual([original.vocabSize, original.eosTokenId]);
  });

  it('begins texts with a token where the file says so', async () => {
    const metadata = byteLevelTokenizer(DEMO, 'qwen2');
    const bos = {
      'tokenizer.ggml.bos_token_id': { u32: 3069 },
      'tokenizer.ggml.add_bos_token': { bool: true },
    };
    const tokenizer = await loadTokenizer(fileOf({ ...metadata, ...bos }));
    expect(tokenizer.encode('hello')).toEqual([3069, ...original.encode('hello')]);
    expect(tokenizer.encode('hello', { addSpecialTokens: false })).toEqual(original.encode('hello'));
  });

  it('gives way to a tokenizer.json beside the file', async () => {
    const file = fileOf({ 'tokenizer.ggml.model': { text: 'bert' } });
    writeFileSync(join(file, '../tokenizer.json'), readFileSync(join(DEMO, 'tokenizer.json')));
    const tokenizer = await loadTokenizer(file);
    expect(tokenizer.encode('hello there')).toEqual(original.encode('hello there'));
  });

  it.each<[string, Record<string, Value>, RegExp]>([
    [
      'an unknown pre-tokenizer',
      { 'tokenizer.ggml.pre': { text: 'poro-chat' } },
      /pre-tokenizer 'poro-chat' is not known/,
    ],
    [
      'an unknown kind',
      { 'tokenizer.ggml.model': { text: 'rwkv' } },
      /tokenizer of kind 'rwkv' is not supported/,
    ],
    ['a merge of three', { 'tokenizer.ggml.merges': { texts: ['a b c'] } }, /'a b c', which is no pair/],
    ['no tokens', { 'tokenizer.ggml.tokens': { texts: [] } }, /'tokenizer.ggml.tokens' is missing/],
    [
      'fewer types than tokens',
      { 'tokenizer.ggml.token_type': { i32s: [1] } },
      /has 1 entries for 3072 tokens/,
    ],
    [
      'an end that is no token',
      { 'tokenizer.ggml.eos_token_id': { u32: 9999 } },
      /from 0 to 3071, found '9999'/,
    ],
  ])('with %s is refused in one line', async (_, change, message) => {
    const file = fileOf({ ...byteLevelTokenizer(DEMO, 'qwen2'), ...change });
    const error: unknown = await loadTokenizer(file).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartupError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message.startsWith(file)).toBe(true);
  });
});

describe('a tokenizer with scores in a GGUF file', () => {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const words = ['▁', 'h', 'e', 'l', 'o', 'he', 'll', 'hell', 'lo', '▁hell', 'hello', '▁hello', 'el', '▁h'];
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...words];
  const metadata: Record<string, Value> = {
    'tokenizer.ggml.model': { text: 'llama' },
    'tokenizer.ggml.tokens': { texts: tokens },
    'tokenizer.ggml.scores': { f32s: [0, 0, 0, ...bytes.map(() => 0), ...words.map((_, at) => -at)] },
    'tokenizer.ggml.token_type': { i32s: [2, 3, 3, ...bytes.map(() => 6), ...words.map(() => 1)] },
    'tokenizer.ggml.bos_token_id': { u32: 1 },
    'tokenizer.ggml.eos_token_id': { u32: 2 },
  };
  const texts = (tokenizer: Tokenizer, text: string) => tokenizer.encode(text).map((id) => tokens[id]);

  it('merges what scores highest, and spells in bytes what has no token', async () => {
    const tokenizer = await loadTokenizer(fileOf(metadata));
    expect(texts(tokenizer, 'hello')).toEqual(['<s>', '▁hello']);
    // he (-5) comes before el and lo.
    expect(texts(tokenizer, 'helo')).toEqual(['<s>', '▁', 'he', 'lo']);
    expect(texts(tokenizer, 'é')).toEqual(['<s>', '▁', '<0xC3>', '<0xA9>']);
    for (const text of ['hello', 'hello  hello', 'é 日本', 'a\nb']) {
      expect(tokenizer.decode(tokenizer.encode(text), { skipSpecialTokens: true })).toBe(text);
    }
  });

  it('puts no space in front where the file says so', async () => {
    const tokenizer = await loadTokenizer(
      fileOf({ ...metadata, 'tokenizer.ggml.add_space_prefix': { bool: false } }),
    );
    expect(texts(tokenizer, 'hello')).toEqual(['<s>', 'hello']);
    expect(tokenizer.decode(tokenizer.encode(' hello'), { skipSpecialTokens: true })).toBe(' hello');
  });
});
