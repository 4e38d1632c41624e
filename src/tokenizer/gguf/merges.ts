import type { Metadata } from '../../checkpoint/gguf/metadata';
import { quote } from '../../checkpoint/model-files';
import { TokenKind, type Vocabulary } from './vocabulary';

/** The pairs that are merged, those that come first first. */
export type Merges = readonly (readonly [left: string, right: string])[];

/** The merges that a file lists. @throws StartupError when there are none, or for one that is no pair */
export function listedMerges(metadata: Metadata): Merges {
  const listed = metadata.texts('tokenizer.ggml.merges');
  if (listed === null) throw metadata.refusal(`'tokenizer.ggml.merges' is missing`);
  return listed.map((merge) => {
    const [left, right, ...others] = merge.split(' ');
    if (left && right && others.length === 0) return [left, right] as const;
    throw metadata.refusal(`'tokenizer.ggml.merges' has ${quote(merge)}, which is no pair of tokens`);
  });
}

/**
 * The merges that lead to tokens with scores: every way to make a token of two others, those of the highest score first. Among equals
 * those of longer parts come first.
 * @param ids of the tokens
 */
export function mergesByScore(
  { tokens, kinds }: Vocabulary,
  scores: readonly number[],
  ids: ReadonlyMap<string, number>,
): Merges {
  const ways: { readonly pair: readonly [string, string]; readonly score: number; readonly left: number }[] =
    [];
  tokens.forEach((token, id) => {
    // Control tokens are never put together from text.
    if (kinds[id] === TokenKind.control || ids.get(token) !== id) return;
    for (const cut of cutsOf(token)) {
      const pair = [token.slice(0, cut), token.slice(cut)] as const;
      if (ids.has(pair[0]) && ids.has(pair[1])) ways.push({ pair, score: scores[id] as number, left: cut });
    }
  });
  ways.sort((a, b) => b.score - a.score || b.left - a.left || b.pair[1].length - a.pair[1].length);
  return ways.map(({ pair }) => pair);
}

/** No token is longer; of one that is, no merge is needed. */
const LONGEST = 256;

/** Where a token can be cut in two without cutting a character. */
function cutsOf(token: string): number[] {
  if (token.length > LONGEST) return [];
  const cuts: number[] = [];
  let at = 0;
  for (const character of token) {
    if (at > 0) cuts.push(at);
    at += character.length;
  }
  return cuts;
}
