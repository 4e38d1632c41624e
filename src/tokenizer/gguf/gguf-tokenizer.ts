import { architectureKey } from '../../checkpoint/gguf/architectures';
import type { GgufFile } from '../../checkpoint/gguf/gguf-file';
import type { Metadata } from '../../checkpoint/gguf/metadata';
import { quote } from '../../checkpoint/model-files';
import type { TokenizerFiles } from '../tokenizer-files';
import { listedMerges, mergesByScore } from './merges';
import { PRE_TOKENIZERS } from './pre-tokenizers';
import { idsOf, namedToken, readScores, readVocabulary, TokenKind, type Vocabulary } from './vocabulary';

/** What kinds of vocabularies have in their tokenizer.json. */
interface Kind {
  readonly normalizer: object | null;
  readonly pre_tokenizer: object | null;
  readonly decoder: object;
  readonly model: object;
  readonly addsBos: boolean;
}

/**
 * What tokenizer.json and tokenizer_config.json would say of the tokenizer in a GGUF file.
 * @throws StartupError of one line for a kind of vocabulary, or a way of cutting texts, that is not known
 */
export function tokenizerOfGguf(gguf: GgufFile): TokenizerFiles {
  const { metadata } = gguf;
  const vocabulary = readVocabulary(metadata);
  const { addsBos, ...kind } = readKind(metadata, vocabulary);
  const bos = namedToken(metadata, vocabulary, 'bos');
  const eos = namedToken(metadata, vocabulary, 'eos');
  const before = (metadata.bool('tokenizer.ggml.add_bos_token') ?? addsBos) ? bos : null;
  const after = metadata.bool('tokenizer.ggml.add_eos_token') === true ? eos : null;
  return {
    definition: {
      version: '1.0',
      added_tokens: addedTokens(vocabulary, swallowsSpaces(gguf)),
      post_processor: around(before, after),
      ...kind,
    },
    config: {
      bos_token: bos,
      eos_token: eos,
      unk_token: namedToken(metadata, vocabulary, 'unknown'),
      pad_token: namedToken(metadata, vocabulary, 'padding'),
      clean_up_tokenization_spaces: false,
      ...templateOfGguf(metadata),
    },
  };
}

/** The chat templates of a file as tokenizer_config.json has them; empty where there is none. */
export function templateOfGguf(metadata: Metadata): { readonly chat_template?: unknown } {
  const key = 'tokenizer.chat_template';
  const main = metadata.text(key);
  const named = metadata.keys
    .filter((name) => name.startsWith(`${key}.`))
    .map((name) => ({ name: name.slice(key.length + 1), template: metadata.text(name) ?? '' }));
  if (named.length === 0) return main === null ? {} : { chat_template: main };
  const all = main === null ? named : [{ name: 'default', template: main }, ...named];
  return { chat_template: all };
}

function readKind(metadata: Metadata, vocabulary: Vocabulary): Kind {
  const model = metadata.text('tokenizer.ggml.model');
  switch (model) {
    case 'gpt2':
      return byteLevel(metadata, vocabulary);
    case 'llama':
      return scored(metadata, vocabulary);
    case null:
      throw metadata.refusal(
        `'tokenizer.ggml.model' is missing: it has no tokenizer (--tokenizer-path names one)`,
      );
    default:
      throw metadata.refusal(
        `tokenizer of kind ${quote(model)} is not supported (gpt2 and llama are): a tokenizer.json beside the file or --tokenizer-path can stand in`,
      );
  }
}

function byteLevel(metadata: Metadata, vocabulary: Vocabulary): Kind {
  const name = metadata.text('tokenizer.ggml.pre');
  const known = name === null ? undefined : PRE_TOKENIZERS.get(name);
  if (known === undefined) {
    throw metadata.refusal(
      `pre-tokenizer ${name === null ? 'without a name' : quote(name)} is not known (${[...PRE_TOKENIZERS.keys()].join(', ')} are): ` +
        'a tokenizer.json beside the file or --tokenizer-path can stand in',
    );
  }
  return {
    normalizer: known.normalizer,
    pre_tokenizer: { type: 'Sequence', pretokenizers: known.steps },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      ignore_merges: known.ignoresMerges,
      vocab: Object.fromEntries(idsOf(vocabulary)),
      merges: listedMerges(metadata),
    },
    addsBos: known.addsBos,
  };
}

/** SentencePiece's: spaces are letters of tokens, and what has no token is spelled in tokens for single bytes. */
function scored(metadata: Metadata, vocabulary: Vocabulary): Kind {
  const ids = idsOf(vocabulary);
  const prefixes = metadata.bool('tokenizer.ggml.add_space_prefix') ?? true;
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: SPACE };
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [...(prefixes ? [{ type: 'Prepend', prepend: SPACE }] : []), spaces],
    },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefixes ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      unk_token: namedToken(metadata, vocabulary, 'unknown') ?? unknownOf(vocabulary),
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(ids),
      merges: mergesByScore(vocabulary, readScores(metadata, vocabulary), ids),
    },
    addsBos: true,
  };
}

const SPACE = '\u2581';

function unknownOf({ tokens, kinds }: Vocabulary): string | null {
  return tokens[kinds.indexOf(TokenKind.unknown)] ?? null;
}

/** Tokens that are found in a text before it is cut: control tokens, and those that the model's authors added. */
function addedTokens({ tokens, kinds }: Vocabulary, rstrip: (token: string) => boolean): object[] {
  return tokens.flatMap((content, id) => {
    const kind = kinds[id];
    const special = kind === TokenKind.control || kind === TokenKind.unknown;
    if ((!special && kind !== TokenKind.userDefined) || content === '') return [];
    const strips = special && rstrip(content);
    return [{ id, content, single_word: false, lstrip: false, rstrip: strips, normalized: false, special }];
  });
}

/** Phi-3's special tokens swallow the spaces behind them, but for those that begin and end texts. */
function swallowsSpaces(gguf: GgufFile): (token: string) => boolean {
  const name = gguf.metadata.text('general.name') ?? '';
  const isPhi3 = architectureKey(gguf) === 'phi3' && /phi-?3/i.test(name);
  return (token) => isPhi3 && !['<unk>', '<s>', '<|endoftext|>'].includes(token);
}

/** What is put around a text; null for nothing at all. */
function around(before: string | null, after: string | null): object | null {
  if (before === null && after === null) return null;
  const special = (token: string | null, type: number) =>
    token === null ? [] : [{ SpecialToken: { id: token, type_id: type } }];
  const text = (id: string, type: number) => [
    ...special(before, type),
    { Sequence: { id, type_id: type } },
    ...special(after, type),
  ];
  return { type: 'TemplateProcessing', single: text('A', 0), pair: [...text('A', 0), ...text('B', 1)] };
}
