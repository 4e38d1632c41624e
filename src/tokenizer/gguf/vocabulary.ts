import type { Metadata } from '../../checkpoint/gguf/metadata';

/** The tokens of a GGUF file, by id. */
export interface Vocabulary {
  readonly tokens: readonly string[];
  /** One of `TokenKind` for each token. */
  readonly kinds: readonly number[];
}

/** What a token is, as files number it. */
export const TokenKind = { normal: 1, unknown: 2, control: 3, userDefined: 4 } as const;

const KEY = 'tokenizer.ggml';

/** @throws StartupError when tokens are missing, or there are not as many kinds */
export function readVocabulary(metadata: Metadata): Vocabulary {
  const tokens = metadata.texts(`${KEY}.tokens`);
  if (tokens === null || tokens.length === 0) throw metadata.refusal(`'${KEY}.tokens' is missing`);
  const kinds = listOf(metadata, 'token_type', tokens.length) ?? tokens.map(() => TokenKind.normal);
  return { tokens, kinds };
}

/** @throws StartupError when it is missing, or there are not as many as tokens */
export function readScores(metadata: Metadata, { tokens }: Vocabulary): readonly number[] {
  const scores = listOf(metadata, 'scores', tokens.length);
  if (scores === null) throw metadata.refusal(`'${KEY}.scores' is missing`);
  return scores;
}

/** The text of the token that a key names by its id; null where there is no such key. @throws StartupError for no token */
export function namedToken(metadata: Metadata, { tokens }: Vocabulary, name: string): string | null {
  const id = metadata.whole(`${KEY}.${name}_token_id`, 0, tokens.length - 1);
  return id === null ? null : (tokens[id] as string);
}

/** Ids by token, the first one where a token stands twice. */
export function idsOf({ tokens }: Vocabulary): Map<string, number> {
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (!ids.has(token)) ids.set(token, id);
  });
  return ids;
}

function listOf(metadata: Metadata, name: string, length: number): readonly number[] | null {
  const list = metadata.numbers(`${KEY}.${name}`);
  if (list !== null && list.length !== length) {
    throw metadata.refusal(`'${KEY}.${name}' has ${list.length} entries for ${length} tokens`);
  }
  return list;
}
