import { readTokenizerFiles } from '../tokenizer/tokenizer-files';

/** A tokenizer's vocabulary as the grammar engine reads it. */
export interface Vocabulary {
  /** By id, in the tokenizer's own spelling; empty for ids that no grammar may produce. */
  readonly tokens: readonly string[];
  /** Added tokens by id, special ones among them, as they are. */
  readonly added: ReadonlyMap<number, string>;
  /** How tokens are spelled: bytes as other letters, `<0x0A>` for single bytes, or as they are. */
  readonly spelling: 'byte_level' | 'byte_fallback' | 'raw';
  /** End-of-sequence token that the tokenizer's configuration names; null where it names none. */
  readonly eosTokenId: number | null;
}

/** The parts of tokenizer.json that are read here. The tokenizer's loader has accepted the file before. */
interface Definition {
  readonly model?: {
    readonly vocab?: Record<string, number> | [token: string, score: number][];
    readonly byte_fallback?: boolean;
  };
  readonly added_tokens?: readonly {
    readonly id: number;
    readonly content: string;
    readonly special?: boolean;
  }[];
  readonly pre_tokenizer?: unknown;
  readonly decoder?: unknown;
}

/**
 * Special tokens are left out: a reply that skips them would not be what the grammar promised.
 * @param dir folder of tokenizer.json
 * @throws StartupError as `readTokenizerFiles`
 */
export function readVocabulary(dir: string): Vocabulary {
  const files = readTokenizerFiles(dir);
  const definition = files.definition as Definition;
  const { model = {}, added_tokens: added = [] } = definition;
  const tokens: string[] = [];
  if (Array.isArray(model.vocab)) model.vocab.forEach(([token], id) => (tokens[id] = token));
  else for (const [token, id] of Object.entries(model.vocab ?? {})) tokens[id] = token;
  const isByteLevel = usesByteLevel(definition.decoder) || usesByteLevel(definition.pre_tokenizer);
  const spelling = isByteLevel ? 'byte_level' : model.byte_fallback === true ? 'byte_fallback' : 'raw';
  const eosText = textOf(files.config['eos_token']);
  let eosTokenId = eosText === null ? -1 : tokens.indexOf(eosText);
  for (const { id, content, special } of added) {
    tokens[id] = special === true ? '' : content;
    if (content === eosText) eosTokenId = id;
  }
  return {
    tokens: Array.from(tokens, (token) => token ?? ''),
    added: new Map(added.map(({ id, content }) => [id, content])),
    spelling,
    eosTokenId: eosTokenId < 0 ? null : eosTokenId,
  };
}

function textOf(token: unknown): string | null {
  if (typeof token === 'string') return token;
  if (typeof token !== 'object' || token === null || !('content' in token)) return null;
  return typeof token.content === 'string' ? token.content : null;
}

/** Whether a part of the tokenizer, or a part of that, spells bytes as other letters. */
function usesByteLevel(part: unknown): boolean {
  if (Array.isArray(part)) return part.some(usesByteLevel);
  if (typeof part !== 'object' || part === null) return false;
  const { type, pretokenizers, decoders } = part as Record<string, unknown>;
  return type === 'ByteLevel' || usesByteLevel(pretokenizers) || usesByteLevel(decoders);
}
