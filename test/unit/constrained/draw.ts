import { join } from 'node:path';
import type { CompiledGrammar } from '../../../src/constrained/grammar-backend';
import { tokenTexts } from '../../../src/constrained/token-texts';
import { readVocabulary } from '../../../src/constrained/vocabulary';
import { XGrammarBackend } from '../../../src/constrained/xgrammar-backend';

const MAX_TOKENS = 150;
const vocabulary = readVocabulary(join(__dirname, '../../model/checkpoints/random-qwen2'));
const EOS = vocabulary.eosTokenId ?? -1;
const bytes = tokenTexts(vocabulary).map((text) => Buffer.from(text, 'latin1'));
/** Tokens that come to an end. */
const CLOSING = new Set(['"', '}', ']']);

/** An engine with a vocabulary of 512 tokens. */
export function engine(anyWhitespace: boolean): Promise<XGrammarBackend> {
  return XGrammarBackend.create({
    vocabulary,
    vocabSize: vocabulary.tokens.length,
    eosTokenIds: [EOS],
    style: { anyWhitespace },
  });
}

/**
 * A text of tokens at random; null where it does not come to its end.
 * @param random from 0 to 1, 1 not included
 */
export async function draw(
  compiled: CompiledGrammar,
  random: () => number,
  maxTokens = MAX_TOKENS,
): Promise<string | null> {
  const matcher = await compiled.matcher();
  const text: Buffer[] = [];
  for (let step = 0; step < maxTokens && !matcher.isTerminated; step++) {
    const mask = await matcher.mask();
    const allowed = vocabulary.tokens.flatMap((_, id) =>
      ((mask[id >>> 5] ?? 0) >>> (id & 31)) & 1 ? [id] : [],
    );
    if (allowed.length === 0) throw new Error(`nothing may follow ${Buffer.concat(text).toString()}`);
    const closing = allowed.filter((id) => id === EOS || CLOSING.has(vocabulary.tokens[id] ?? ''));
    const from = closing.length > 0 && (step > 40 || random() < 0.2) ? closing : allowed;
    const id = from[Math.floor(random() * from.length)] ?? -1;
    if (!matcher.accept(id)) throw new Error(`token ${id} is under the mask and refused`);
    if (id !== EOS) text.push(bytes[id] ?? Buffer.of());
  }
  const isFinished = matcher.isTerminated;
  matcher.dispose();
  return isFinished ? Buffer.concat(text).toString() : null;
}
