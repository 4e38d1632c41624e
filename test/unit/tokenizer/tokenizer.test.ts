import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { StartupError } from '../../../src/core/errors';
import { loadTokenizer, type Tokenizer } from '../../../src/tokenizer/tokenizer';

const SHARED = process.env['SGLANG_NODE_SHARED'] ?? join(__dirname, '../../../../shared');

/** Runs a suite where the files it reads exist; says so where they do not. */
function describeWith(path: string, name: string, suite: (folder: string) => void): void {
  const folder = join(SHARED, path);
  if (existsSync(folder)) return describe(name, () => suite(folder));
  console.warn(`skipped: ${name} (${folder} is absent)`);
  describe.skip(name, () => it('needs files that are absent', () => undefined));
}

const CASES = [
  { folder: 'llama3', vectors: 'llama-bpe', eosTokenId: 128001, modelMaxLength: -1 },
  { folder: 'qwen2_5', vectors: 'qwen2', eosTokenId: 151645, modelMaxLength: 131072 },
  { folder: 'bert-base-uncased', vectors: 'bert-bge', eosTokenId: null, modelMaxLength: 512 },
] as const;

for (const { folder, vectors, eosTokenId, modelMaxLength } of CASES) {
  describeWith(`tokenizers/${folder}`, `tokenizer of ${folder}`, (directory) => {
    let tokenizer: Tokenizer;
    beforeAll(async () => {
      tokenizer = await loadTokenizer(directory);
    });

    it('knows its facts', () => {
      expect(tokenizer).toMatchObject({ eosTokenId, modelMaxLength });
      expect(tokenizer.vocabSize).toBeGreaterThan(30_000);
    });

    it('gives the expected ids for every vector', () => {
      const base = join(SHARED, 'tokenizers/vectors', `ggml-vocab-${vectors}.gguf`);
      const texts = readFileSync(`${base}.inp`, 'utf8').split('\n__ggml_vocab_test__\n');
      const expected = readFileSync(`${base}.out`, 'utf8').split('\n');
      expect(texts.length).toBe(expected.length);
      texts.forEach((text, i) => {
        expect(tokenizer.encode(text, { addSpecialTokens: false }).join(' ')).toBe(expected[i]?.trim());
      });
    });

    if (folder === 'qwen2_5') {
      it('gives any text back', () => {
        fc.assert(
          fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
            const normal = text.normalize('NFC');
            const ids = tokenizer.encode(normal, { addSpecialTokens: false });
            expect(tokenizer.decode(ids)).toBe(normal);
            expect(ids.length * tokenizer.maxTokenLength).toBeGreaterThanOrEqual(normal.length);
          }),
        );
      });

      it('joins token texts to the whole where no character is split', () => {
        const text = 'Hello, world! 3.14 是的';
        const ids = tokenizer.encode(text);
        expect(ids.map((id) => tokenizer.tokenText(id)).join('')).toBe(text);
      });

      it('leaves out ids without a token', () => {
        expect(tokenizer.decode([9707, 151_900, 999_999_999, -1])).toBe('Hello');
        expect(tokenizer.tokenText(151_900)).toBe('');
      });
    }
  });
}

describeWith('models/stories260k', 'tokenizer of stories260k', (directory) => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    tokenizer = await loadTokenizer(directory);
  });

  it('encodes the golden prompts', () => {
    const golden = JSON.parse(readFileSync(join(directory, 'golden.json'), 'utf8')) as {
      cases: { prompt: string; input_ids: number[] }[];
    };
    for (const { prompt, input_ids } of golden.cases) expect(tokenizer.encode(prompt)).toEqual(input_ids);
  });

  it('adds and skips special tokens on demand', () => {
    expect(tokenizer.encode('Once', { addSpecialTokens: false })).toEqual([403]);
    expect(tokenizer.decode([1, 403, 2], { skipSpecialTokens: true })).toBe('Once');
    expect(tokenizer.decode([1, 403, 2])).toBe('<s> Once</s>');
    expect(tokenizer.decode([1], { skipSpecialTokens: true })).toBe('');
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.encode('')).toEqual([1]);
    expect(tokenizer.encode('', { addSpecialTokens: false })).toEqual([]);
  });

  it('keeps the leading space of a single token', () => {
    expect(tokenizer.tokenText(403)).toBe(' Once');
    expect(tokenizer.tokenText(2)).toBe('</s>');
  });

  it('takes typed arrays', () => {
    expect(tokenizer.decode(Int32Array.of(403, 407))).toBe('Once upon');
  });

  describe('with damaged files', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));
    const copy = (name: string) => writeFileSync(join(folder, name), readFileSync(join(directory, name)));

    const refused = async (part: string) => {
      const error: unknown = await loadTokenizer(folder).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StartupError);
      expect((error as StartupError).message).toContain(part);
      expect((error as StartupError).message).not.toContain('\n');
    };

    it('names a missing file', async () => {
      copy('tokenizer_config.json');
      await refused(`${join(folder, 'tokenizer.json')}: no such file`);
      writeFileSync(join(folder, 'tokenizer.model'), 'sentencepiece');
      await refused('no such file (found tokenizer.model');
    });

    it('names a file that is not JSON', async () => {
      copy('tokenizer_config.json');
      writeFileSync(join(folder, 'tokenizer.json'), '{"model": ');
      await refused(`${join(folder, 'tokenizer.json')}: is not valid JSON`);
    });

    it('needs no tokenizer_config.json, and reads special_tokens_map.json', async () => {
      copy('tokenizer.json');
      expect((await loadTokenizer(folder)).encode('Once')).toEqual(
        (await loadTokenizer(directory)).encode('Once'),
      );
      writeFileSync(join(folder, 'special_tokens_map.json'), JSON.stringify({ eos_token: '</s>' }));
      expect((await loadTokenizer(folder)).eosTokenId).toBe(2);
    });

    it('opens no link out of the folder, and quotes nothing of what it leads to', async () => {
      const secret = join(mkdtempSync(join(tmpdir(), 'secret-')), 'secret.txt');
      writeFileSync(secret, 'TOP SECRET');
      for (const name of ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']) {
        copy('tokenizer.json');
        rmSync(join(folder, name), { force: true });
        symlinkSync(secret, join(folder, name));
        const error: unknown = await loadTokenizer(folder).catch((reason: unknown) => reason);
        expect((error as StartupError).message).toBe(
          `${folder}: file '${name}' is a link that leaves the folder`,
        );
        rmSync(join(folder, name));
      }
    });

    it('names a file of an unknown kind', async () => {
      copy('tokenizer_config.json');
      writeFileSync(join(folder, 'tokenizer.json'), '{"model": {"type": "Abacus"}}');
      await refused(`${join(folder, 'tokenizer.json')} cannot be used as a tokenizer`);
    });

    it('reads special tokens written as objects', async () => {
      copy('tokenizer.json');
      const config = JSON.parse(readFileSync(join(directory, 'tokenizer_config.json'), 'utf8')) as object;
      const eos = { content: '</s>', lstrip: false };
      writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ ...config, eos_token: eos }));
      expect((await loadTokenizer(folder)).eosTokenId).toBe(2);
    });
  });
});
