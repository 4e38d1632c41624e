import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTokenizer, type Tokenizer } from '../../../src/tokenizer/tokenizer';

const SPECIAL = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };

/** Real vocabularies, where the machine has them. */
const SHARED = process.env['SGLANG_NODE_SHARED'] ?? join(__dirname, '../../../../shared');

export interface NamedTokenizer {
  readonly name: string;
  readonly load: () => Promise<Tokenizer>;
}

/** A tokenizer of our own: token `firstByte + b` is the byte b. */
export interface TinyTokenizer extends NamedTokenizer {
  readonly firstByte: number;
  /** Its tokenizer.json. */
  readonly definition: object;
}

export const TINY_TOKENIZERS: readonly TinyTokenizer[] = [
  tiny('tiny byte-level BPE', 0, byteLevelDefinition()),
  tiny('tiny BPE with byte fallback', 3, byteFallbackDefinition()),
];

function tiny(name: string, firstByte: number, definition: object): TinyTokenizer {
  return { name, firstByte, definition, load: () => withTokenizerFolder(definition, loadTokenizer) };
}

/** Tokenizers to test with: two tiny ones of our own and the real ones that are present. */
export function testTokenizers(): NamedTokenizer[] {
  const real = ['tokenizers/llama3', 'tokenizers/qwen2_5', 'models/stories260k'].flatMap((path) => {
    const folder = join(SHARED, path);
    if (existsSync(folder)) return [{ name: path, load: () => loadTokenizer(folder) }];
    console.warn(`skipped: tests with ${path} (${folder} is absent)`);
    return [];
  });
  return [...TINY_TOKENIZERS, ...real];
}

/** Writes the files of a tokenizer to a folder that lives as long as `use` runs. */
export async function withTokenizerFolder<T>(
  definition: object,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
  try {
    const config = { clean_up_tokenization_spaces: true };
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(definition));
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every byte is a token; some tokens join bytes across the borders of characters. */
function byteLevelDefinition(): object {
  const chars = byteChars();
  const spell = (bytes: Buffer) => [...bytes].map((byte) => chars[byte] ?? '').join('');
  const emoji = Buffer.from('😀');
  const merged = [' a', ' b', 'ab', ' .', '中', '\n\n'].map((text) => spell(Buffer.from(text)));
  merged.push(spell(emoji.subarray(0, 2)), spell(emoji.subarray(2)), spell(Buffer.from('中').subarray(0, 2)));
  const tokens = [...chars, ...merged];
  return {
    version: '1.0',
    added_tokens: [
      { id: tokens.length, content: '<|end|>', ...SPECIAL },
      { id: tokens.length + 1, content: '<tool>', ...SPECIAL, special: false },
    ],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges: [] },
  };
}

/** The printable stand-ins of bytes 0 to 255 in byte-level vocabularies. */
function byteChars(): string[] {
  const isPrintable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
}

/** Words begin with U+2581; what has no token is spelt in bytes; the first space of a text is dropped. */
function byteFallbackDefinition(): object {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, '▁', '▁a', '▁b', 'a', 'b', 'ab', '.', '▁.', '中', '\n'];
  return {
    version: '1.0',
    added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, ...SPECIAL })),
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [],
    },
  };
}
